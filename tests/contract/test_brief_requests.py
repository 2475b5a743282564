"""What one brief asks the broker for, counted on the wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kt.broker.kiwoom import Kiwoom
from kt.errors import WireError
from kt.ports import SealedGateway
from kt.steps.decide import collect
from tests.contract.test_broker_contract import wired
from tests.fakes import HYNIX, SAMSUNG, World
from tests.serving import serve

CODES = (SAMSUNG, HYNIX, "035720")
EACH_TIME = {"ka10002", "ka10004", "ka10008", "ka10045", "ka10046", "ka10059", "ka10079", "ka10080"}
"""About every stock, for every brief."""
ONCE_A_DAY = {"ka10081", "ka10082", "ka10083"}
"""About every stock, once a day."""
TOGETHER = {
    "kt00001": 1, "ka10075": 1, "ka10085": 1,  # the account
    "ka10095": 1,  # the quotes of all stocks
    "ka20001": 2, "ka10051": 2, "ka10131": 2,  # once for each market
}  # fmt: skip


@pytest.fixture
def kiwoom(tmp_path: Path) -> Iterator[Kiwoom]:
    faults: list[WireError] = []
    with serve(seed=7, open_at="10:00") as served:
        wire = wired(served, "brief", tmp_path, faults)
        yield wire
        wire.rest.http.close()
    assert faults == []


def counted(kiwoom: Kiwoom, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    asked: Counter[str] = Counter()
    whole = kiwoom.rest.call

    def call(api_id: str, *args: object, **more: object) -> object:
        asked[api_id] += 1
        return whole(api_id, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(kiwoom.rest, "call", call)
    return asked


def test_a_brief_asks_for_everything_the_process_lists_and_slow_charts_once(
    kiwoom: Kiwoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, clock=kiwoom.clock)
    ctx = world.context(market=kiwoom, broker=kiwoom, gateway=SealedGateway(kiwoom))
    kiwoom.instruments()
    asked = counted(kiwoom, monkeypatch)
    brief = collect.collect(ctx, (), CODES)
    assert [stock.missing for stock in brief.stocks] == [(), (), ()]
    assert brief.missing == ()
    retired, listed = asked.pop("ka10009"), asked.pop("ka10099", 0)
    assert retired <= len(CODES) and listed <= 2, "asked first, and never again once refused"
    assert asked == Counter(dict.fromkeys(EACH_TIME | ONCE_A_DAY, len(CODES)) | TOGETHER)
    asked.clear()
    collect.collect(ctx, (), CODES)
    assert asked == Counter(dict.fromkeys(EACH_TIME, len(CODES)) | TOGETHER)
    world.close()
