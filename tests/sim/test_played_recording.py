"""`kt sim serve --replay` of a recording: any client gets the recorded answers and frames."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websocket

from kt.errors import InputError
from kt.recording.entries import RecordedCall, RecordedFrame
from kt.recording.reader import read_entries
from kt.sim.server.played_recording import PlayedRecording
from tests.serving import Served, serve
from tests.tools.make_recording import PLACE


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Two recorded minutes in four seconds, and the answers of their end from then on."""
    with serve(speed=30, replay=PLACE) as found:
        yield found


def post(served: Served, path: str, api_id: str, body: object, token: str) -> httpx.Response:
    headers = {"api-id": api_id} | ({"authorization": f"Bearer {token}"} if token else {})
    kind = {"content-type": "application/json;charset=UTF-8"}
    return httpx.post(served.base_url + path, json=body, headers=headers | kind)


def token_of(served: Served) -> str:
    body = {"grant_type": "client_credentials", "appkey": "any", "secretkey": "secret"}
    found: dict[str, Any] = post(served, "/oauth2/token", "au10001", body, "").json()
    return str(found["token"])


def test_frames_come_at_their_time_to_who_registered_for_them(served: Served) -> None:
    frames = [entry for entry in read_entries(PLACE) if isinstance(entry, RecordedFrame)]
    rows = [row for one in frames for row in json.loads(one.content).get("data") or ()]
    sent = {row["item"] for row in rows if row.get("type") == "0B"}
    code = next(iter(sent))
    socket = websocket.create_connection(served.ws_url, timeout=30)
    socket.send(json.dumps({"trnm": "LOGIN", "token": token_of(served)}))
    assert json.loads(socket.recv())["return_code"] == 0
    asked = {
        "trnm": "REG",
        "grp_no": "1",
        "refresh": "1",
        "data": [{"item": [code], "type": ["0B"]}],
    }
    socket.send(json.dumps(asked))
    assert json.loads(socket.recv())["return_code"] == 0
    received = [json.loads(socket.recv())]
    while not received[-1].get("data"):
        received.append(json.loads(socket.recv()))
    (row,) = received[-1]["data"]
    assert (row["type"], row["item"]) == ("0B", code)
    assert row in [one for one in rows if one.get("item") == code]
    socket.close()


def test_a_recorded_request_has_its_recorded_answer(served: Served) -> None:
    calls = [entry for entry in read_entries(PLACE) if isinstance(entry, RecordedCall)]
    ranking = next(call for call in calls if call.api_id == "ka10030")
    token = token_of(served)
    answer = post(served, ranking.path, "ka10030", ranking.body, token)
    bodies = [call.answer.body for call in calls if call.api_id == "ka10030"]
    assert answer.status_code == 200 and answer.json() in bodies
    assert answer.headers["cont-yn"] in {"N", "Y"}


def test_what_was_not_recorded_is_refused_and_so_is_a_wrong_token(served: Served) -> None:
    token = token_of(served)
    path = "/api/dostk/stkinfo"
    answer = post(served, path, "ka10001", {"stk_cd": "000001"}, token).json()
    assert answer["return_code"] == 2 and "ka10001" in answer["return_msg"]
    assert "8005" in post(served, path, "ka10001", {}, "wrong").json()["return_msg"]


class At:
    """A clock that shows a moment of the recording."""

    def __init__(self, played: PlayedRecording, seconds: float) -> None:
        from datetime import timedelta

        self.at = played.began + timedelta(seconds=seconds)

    def now(self) -> Any:
        return self.at


def test_a_request_gets_the_newest_answer_of_its_time() -> None:
    played = PlayedRecording(PLACE)
    calls = [
        entry
        for entry in read_entries(PLACE)
        if isinstance(entry, RecordedCall) and entry.api_id == "ka10030"
    ]
    first, last = calls[0], calls[-1]
    assert first.answer.body != last.answer.body and first.body == last.body
    early: Any = At(played, 0)
    late: Any = At(played, 3600)
    assert played.answer("ka10030", first.body, "", early).body == first.answer.body
    assert played.answer("ka10030", first.body, "", late).body == last.answer.body
    between: Any = At(played, first.ended / 1e6 + 0.001)
    assert played.answer("ka10030", first.body, "", between).body == first.answer.body
    assert len(list(played.due(late))) > 100
    assert not list(played.due(late)), "each once"


def test_a_file_that_is_no_recording_is_refused(tmp_path: Any) -> None:
    (tmp_path / "r").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(InputError):
        PlayedRecording(tmp_path / "r")
