"""Condition searches: the order of the questions, odd answers, and whose connection they use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kt.broker.stream.condition_search import MOST_PAGES, SearchAnswer, Searches, search
from kt.errors import BrokerRefused, UnknownCondition, Unreachable, WireError

ROW = {"9001": "A005930", "302": "삼성전자", "10": "000075000", "11": "-00000100", "13": "1"}

RISEN = {**ROW, "9001": "A000660", "10": "000011000", "11": "000001000", "12": "000010000"}


class Line:
    """Answers each frame with the next body (the last one for ever), and keeps what was asked."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = list(bodies)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, name: str, body: dict[str, Any]) -> bytes:
        self.asked.append((name, body))
        found = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        return found if isinstance(found, bytes) else json.dumps(found).encode()


LISTED = {"trnm": "CNSRLST", "return_code": 0, "data": [["0", "one"], ["12", " two "]]}


def page(*rows: Any, key: str = "") -> dict[str, Any]:
    more = {"cont_yn": "Y" if key else "N", "next_key": key}
    return {"trnm": "CNSRREQ", "return_code": 0, "data": list(rows), **more}


def test_the_list_comes_first_and_pages_follow_one_another() -> None:
    line = Line(LISTED, page(ROW, key="k1"), page(RISEN))
    found = search(line, "two", lambda fault: None)
    assert found.names == ("one", "two")
    assert [(row.rank, row.stock_code, row.change_pct) for row in found.rows] == [
        (1, "005930", -0.13),
        (2, "000660", 10.0),
    ]
    wanted = {"seq": "12", "search_type": "0", "stex_tp": "K"}
    assert line.asked == [
        ("CNSRLST", {}),
        ("CNSRREQ", {**wanted, "cont_yn": "N", "next_key": ""}),
        ("CNSRREQ", {**wanted, "cont_yn": "Y", "next_key": "k1"}),
    ]


@pytest.mark.parametrize("name", ["", "three", "0"])
def test_a_name_that_is_not_listed_asks_for_nothing(name: str) -> None:
    line = Line(LISTED)
    assert search(line, name, lambda fault: None) == SearchAnswer(names=("one", "two"))
    assert len(line.asked) == 1


def test_pages_without_an_end_are_cut_off() -> None:
    line = Line(LISTED, page(ROW, key="again"))
    assert len(search(line, "one", lambda fault: None).rows) == MOST_PAGES


def test_one_bad_row_does_not_lose_the_others() -> None:
    faults: list[WireError] = []
    line = Line(LISTED, page(ROW, {**ROW, "10": "x"}, 5, {"9001": ""}, {**ROW, "302": "another"}))
    found = search(line, "one", faults.append)
    assert [row.stock_name for row in found.rows] == ["삼성전자", "another"]
    assert len(faults) == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"nonsense", WireError),
        (b"[1]", WireError),
        (b"\xff", WireError),
        (b"[" * 9_999, WireError),
        ({"return_code": 0, "data": None}, WireError),
        ({"return_code": "105108", "return_msg": "정의되어 있지 않는 TRNM입니다"}, BrokerRefused),
        ({"return_code": 1, "return_msg": None}, BrokerRefused),
    ],
)
def test_an_answer_that_is_none_is_an_error(body: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        search(Line(body), "one", lambda fault: None)
    with pytest.raises(error):
        search(Line(LISTED, body), "one", lambda fault: None)


@pytest.mark.parametrize("entry", ["one", ["0"], {"seq": "0", "name": "one"}, None])
def test_a_list_whose_entries_are_none_is_an_error(entry: Any) -> None:
    with pytest.raises(WireError):
        search(Line({"return_code": 0, "data": [entry]}), "one", lambda fault: None)


class Stream:
    """A stream whose searches find nothing."""

    def __init__(self, live: bool = True, error: Exception | None = None) -> None:
        self.live = live
        self.error = error
        self.told: list[str] = []

    def start(self, sink: Any) -> None:
        self.told.append("start")
        if self.error:
            raise self.error

    def search(self, name: str) -> SearchAnswer:
        self.told.append(f"search {name}".strip())
        return SearchAnswer(names=("one",))

    def close(self) -> None:
        self.told.append("close")


def test_the_running_stream_is_used_and_otherwise_one_is_opened() -> None:
    made: list[Stream] = []
    searches = Searches(lambda: made.append(Stream()) or made[-1])  # type: ignore[func-returns-value]
    assert searches.names() == ("one",)
    assert [stream.told for stream in made] == [["start", "search", "close"]]
    searches.running = running = Stream()
    assert searches.matches("one") == ()
    assert (running.told, len(made)) == (["search one"], 1)
    running.live = False
    with pytest.raises(UnknownCondition, match="'two'"):
        searches.matches("two")
    assert len(made) == 2


def test_a_stream_that_does_not_start_is_closed() -> None:
    broken = Stream(error=Unreachable("no route"))
    with pytest.raises(Unreachable, match="no route"):
        Searches(lambda: broken).names()
    assert broken.told == ["start", "close"]
