"""Answers come in their order and at their times, whatever the order of the requests."""

from __future__ import annotations

import zlib
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from kt.clock import ManualClock
from kt.config.load import build_config
from kt.errors import BrokerRefused, Unreachable
from kt.recording.entries import Entry, RecordedAnswer, RecordedCall, RecordingEnd, StreamAnswer
from kt.recording.header import new_header
from kt.recording.playback import AHEAD, Playback
from kt.records import KST

TEN = datetime(2026, 1, 5, 10, tzinfo=KST)
SECOND = 1_000_000


def call(ended: int, api_id: str, body: object, said: str) -> RecordedCall:
    answer = RecordedAnswer(evidence="", http_status=200, body={"said": said})
    return RecordedCall(at=ended, ended=ended, api_id=api_id, body=body, answer=answer)


def play(folder: Path, *entries: Entry) -> Playback:
    header = new_header(build_config({}, {}, {}), "run", TEN, schema=1)
    lines = b"".join(
        msgspec.json.encode(one) + b"\n" for one in (header, *entries, RecordingEnd(at=0))
    )
    path = folder / "r"
    path.write_bytes(zlib.compress(lines, wbits=31))
    return Playback(path, ManualClock(TEN))


def said(playback: Playback, api_id: str, body: object = None) -> str:
    found = playback.call(api_id, body, "")
    assert found is not None and found.body is not None
    return str(found.body["said"])


def test_equal_requests_get_their_answers_in_order_and_others_may_come_first(
    tmp_path: Path,
) -> None:
    playback = play(
        tmp_path,
        call(1 * SECOND, "ka1", {"a": "1", "b": "2"}, "first"),
        call(2 * SECOND, "ka2", None, "other"),
        call(3 * SECOND, "ka1", {"a": "1", "b": "2"}, "second"),
    )
    assert said(playback, "ka2") == "other"
    assert said(playback, "ka1", {"b": "2", "a": "1"}) == "first"
    assert playback.at == 2 * SECOND, "it does not go back"
    assert said(playback, "ka1", {"a": "1", "b": "2"}) == "second"
    assert playback.at == 3 * SECOND, "each at its time"


def test_what_was_not_asked_then_is_noted(tmp_path: Path) -> None:
    playback = play(tmp_path, call(SECOND, "ka1", {"a": "1"}, "x"))
    assert playback.call("ka1", {"a": "2"}, "") is None
    assert playback.call("ka1", {"a": "1"}, "next") is None
    assert playback.missing == [(0, "ka1", {"a": "2"}), (0, "ka1", {"a": "1"})]
    assert said(playback, "ka1", {"a": "1"}) == "x"
    assert playback.call("au10001", {"appkey": "k"}, "") is None
    assert len(playback.missing) == 2, "a token is no data"


def test_an_api_that_the_server_does_not_have_is_refused_whatever_it_is_asked(
    tmp_path: Path,
) -> None:
    """Of several threads the first to ask learns it: another one in each run."""
    none = {
        "return_code": 1,
        "return_msg": "잘못된 요청입니다[1505:해당 API ID는 존재하지 않습니다]",
    }
    unknown = {"return_code": 1, "return_msg": "[1902:종목 정보가 없습니다]"}
    entries = [
        RecordedCall(
            at=0, ended=SECOND, api_id=api_id, body={"stk_cd": "1"},
            answer=RecordedAnswer(evidence="", http_status=200, body=body),
        )
        for api_id, body in (("ka10009", none), ("ka10001", unknown))
    ]  # fmt: skip
    playback = play(tmp_path, *entries)
    found = playback.call("ka10009", {"stk_cd": "2"}, "")
    assert found is not None and found.body == none
    assert playback.missing == []
    assert playback.call("ka10001", {"stk_cd": "2"}, "") is None, "the refusal was of its stock"


def test_an_answer_of_much_later_was_to_another_request(tmp_path: Path) -> None:
    later = round(AHEAD.total_seconds()) * SECOND + SECOND // 2
    playback = play(tmp_path, call(SECOND, "ka1", None, "now"), call(later, "ka2", None, "later"))
    assert playback.call("ka2", None, "") is None
    assert said(playback, "ka1") == "now"
    assert playback.at == SECOND
    assert said(playback, "ka2") == "later", "its time has come near"


def test_a_call_to_the_stream_fails_as_it_did(tmp_path: Path) -> None:
    playback = play(
        tmp_path,
        StreamAnswer(at=1, what="start", error=("Unreachable", "not there")),
        StreamAnswer(at=2, what="subscribe", about=("0B",), error=("BrokerRefused", "no")),
        StreamAnswer(at=3, what="search", about=("x",), found={"names": ["x"]}),
    )
    with pytest.raises(Unreachable, match="not there"):
        playback.stream("start", ())
    with pytest.raises(BrokerRefused):
        playback.stream("subscribe", ("0B",))
    assert playback.stream("search", ("x",)) == {"names": ["x"]}
    assert playback.stream("subscribe", ("0D",)) is None
