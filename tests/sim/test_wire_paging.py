"""Charts page by page: nothing skipped, nothing repeated, each page as cheap as the first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from kt.records import Interval
from kt.sim.wire.chart_pages import MOST_CHARTS, ChartCache
from kt.sim.wire.charts import MOST_BARS, PAGES
from tests.serving import Served, serve
from tests.sim.wireclient import BODIES, DAY, STOCK, WireClient

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(speed=30) as found:
        yield found


def pages(wire: WireClient, api_id: str, **changes: str) -> list[Rows]:
    """As strangers do it: while cont-yn is Y, with the same body."""
    body, headers, found = {**BODIES[api_id], **changes}, {"cont-yn": "N", "next-key": ""}, []
    while True:
        answer = wire.call(api_id, body, headers=headers)
        told: dict[str, Any] = answer.json()
        found.append(next(value for value in told.values() if isinstance(value, list)))
        if answer.headers["cont-yn"] != "Y":
            return found
        headers = {"cont-yn": "Y", "next-key": answer.headers["next-key"]}


def test_trades_go_back_so_far_and_no_further(wire: WireClient, served: Served) -> None:
    """While the market trades on."""
    found = pages(wire, "ka10079")
    assert [len(page) for page in found] == [PAGES[Interval.TICK]] * (MOST_BARS // 900)
    times = [row["cntr_tm"] for page in found for row in page]
    assert times == sorted(set(times), reverse=True)
    direct = served.exchange.market.bars(STOCK, Interval.TICK, 2 * MOST_BARS)
    by_time = {f"{bar.at:%Y%m%d%H%M%S}": bar for bar in direct}
    ends = {bar.at for bar in direct if times[-1] <= f"{bar.at:%Y%m%d%H%M%S}" <= times[0]}
    assert len(ends) == len(times)
    for row in itertools.chain(*found):
        bar = by_time[row["cntr_tm"]]
        assert (row["cur_prc"], row["trde_qty"]) == (str(bar.close), str(bar.volume))


def test_each_minute_tells_the_days_volume_up_to_its_end(wire: WireClient) -> None:
    rows = [row for page in pages(wire, "ka10080") for row in page]
    assert len(rows) > 1_800
    for _, day in itertools.groupby(reversed(rows), key=lambda row: row["cntr_tm"][:8]):
        volume = 0
        for row in day:
            volume += int(row["trde_qty"])
            assert int(row["acc_trde_qty"]) == volume


@pytest.mark.parametrize("scope", ["1", "3", "5", "10", "15", "30", "45", "60"])
def test_minutes_of_every_width_begin_where_they_should(wire: WireClient, scope: str) -> None:
    """Counted from the opening; the closing auction is a bar of its own."""
    rows = wire.call("ka10080", {**BODIES["ka10080"], "tic_scope": scope}).json()
    starts = [row["cntr_tm"] for row in rows["stk_min_pole_chart_qry"]]
    today = [(int(t[8:10]) - 9) * 60 + int(t[10:12]) for t in starts if t.startswith(DAY)]
    assert min(today) == 0
    assert {minutes % int(scope) for minutes in today} == {0}
    assert "20261120153000" in starts


@pytest.mark.parametrize(
    ("api_id", "scope"), [("ka10079", "2"), ("ka10080", "7"), ("ka10080", "x")]
)
def test_other_widths_are_refused(wire: WireClient, api_id: str, scope: str) -> None:
    said = wire.call(api_id, {**BODIES[api_id], "tic_scope": scope}).json()
    assert (said["return_code"], "[1517:" in said["return_msg"]) == (2, True)


def test_a_base_day_in_the_past_ends_the_chart(wire: WireClient) -> None:
    minutes = wire.call("ka10080", {**BODIES["ka10080"], "base_dt": "20261118"}).json()
    rows = minutes["stk_min_pole_chart_qry"]
    assert rows[0]["cntr_tm"].startswith("20261118")
    assert rows[0]["cntr_tm"].endswith("153000")
    for api_id in ("ka10081", "ka10082", "ka10083"):
        found = [row for page in pages(wire, api_id, base_dt="20260630") for row in page]
        days = [row["dt"] for row in found]
        assert days[0] <= "20260630" and days == sorted(set(days), reverse=True)
        later = [row["dt"] for page in pages(wire, api_id, base_dt=DAY) for row in page]
        assert set(days) < set(later)


def test_a_base_day_must_be_given_and_be_a_day(wire: WireClient) -> None:
    for api_id in ("ka10081", "ka10082", "ka10083"):
        without = {name: text for name, text in BODIES[api_id].items() if name != "base_dt"}
        for body in (without, {**without, "base_dt": ""}):
            said = wire.call(api_id, body).json()
            assert said["return_code"] == 2
            assert said["return_msg"].endswith("필수입력 파라미터=base_dt]")
        wrong = wire.call(api_id, {**without, "base_dt": "2026-06-30"}).json()
        assert "[1517:" in wrong["return_msg"]


def test_a_chart_is_read_once_and_the_oldest_is_evicted() -> None:
    recent, read = ChartCache(), list[int]()

    def ask(number: int) -> None:
        recent.get(number, lambda: (read.append(number), ())[1])  # type: ignore[func-returns-value]

    for number in (*range(MOST_CHARTS), 0, MOST_CHARTS, 0, 1):
        ask(number)
    assert read == [*range(MOST_CHARTS), MOST_CHARTS, 1]
