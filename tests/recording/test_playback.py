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
