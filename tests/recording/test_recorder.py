"""A recording is complete, is readable after a kill, hides what is secret, and stops no run."""

from __future__ import annotations

import errno
import hashlib
import os
import time
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kt.broker.rest.answer_recording import SECRET_FIELDS
from kt.clock import ManualClock
from kt.config.load import build_config
from kt.config.secrets import AppKeys
from kt.errors import InputError, UsageError
from kt.recording.entries import (
    FORMAT,
    RecordedAnswer,
    RecordedCall,
    RecordedFrame,
    RecordingEnd,
    RecordingHeader,
)
from kt.recording.header import config_of, new_header
from kt.recording.masked_texts import secrets_of
from kt.recording.masking import Masking
from kt.recording.reader import is_recording, read_entries, read_header
from kt.recording.recorder import Recorder
from kt.records import KST

TEN = datetime(2026, 1, 5, 10, tzinfo=KST)
CONFIG = build_config({"analyst": {"kind": "rules"}}, {}, {})
HEADER = new_header(CONFIG, "run", TEN, schema=1)


class Told:
    def __init__(self) -> None:
        self.notices: list[tuple[str, str, str]] = []

    def __call__(self, level: str, title: str, text: str) -> None:
        self.notices.append((level, title, text))


def recorder(path: Path, *secrets: str, header: RecordingHeader = HEADER) -> Recorder:
    return Recorder(path, header, ManualClock(TEN), secrets, SECRET_FIELDS, Told())


def plain(path: Path) -> bytes:
    return zlib.decompressobj(31).decompress(path.read_bytes())


def test_what_was_kept_is_read_in_its_order(tmp_path: Path) -> None:
    made = recorder(tmp_path / "r")
    clock: Any = made._clock
    ended = made.call("ka10001", "/api", {"stk_cd": "005930"}, "", "")
    clock.advance(0.25)
    made.frame(b'{"trnm":"REAL","data":[]}')
    made.frame(b'{"trnm":\n"REAL"}')
    made.frame(b"\xff{not json")
    ended(RecordedAnswer(evidence="HTTP 200", http_status=200, body={"a": "1"}))
    made.close()
    assert read_header(tmp_path / "r") == HEADER
    first, second, third, call, end = read_entries(tmp_path / "r")
    assert isinstance(first, RecordedFrame) and isinstance(second, RecordedFrame)
    assert first.content == b'{"trnm":"REAL","data":[]}' and first.at == 250_000
    assert second.content == b'{"trnm":\n"REAL"}'
    assert isinstance(third, RecordedFrame) and b"{not json" in third.content
    assert isinstance(call, RecordedCall) and (call.at, call.ended) == (0, 250_000)
    assert call.answer.body == {"a": "1"}
    assert isinstance(end, RecordingEnd)
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o600


def test_after_a_kill_all_but_the_last_moments_can_be_read(tmp_path: Path) -> None:
    """The file is copied while it is written, as a killed process leaves it, and cut anywhere."""
    made, path, count = recorder(tmp_path / "r"), tmp_path / "r", 500
    for number in range(count):
        noise = hashlib.sha256(b"%d" % number).hexdigest().encode()
        made.frame(b'{"trnm":"REAL","data":["%d %s"]}' % (number, noise))
    until = time.monotonic() + 10
    while len(list(read_entries(path))) < count and time.monotonic() < until:
        time.sleep(0.05)
    assert len(list(read_entries(path))) == count, "written while the run goes on"
    whole = path.read_bytes()
    made.close()
    for size in range(len(whole) // 2, len(whole), 997):
        (tmp_path / "cut").write_bytes(whole[:size])
        assert read_header(tmp_path / "cut") == HEADER
        frames = list(read_entries(tmp_path / "cut"))
        assert len(frames) > count / 3
        for number, frame in enumerate(frames):
            assert isinstance(frame, RecordedFrame) and b'"%d ' % number in frame.content


def test_a_full_disk_ends_the_recording_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    made = Recorder(tmp_path / "r", HEADER, ManualClock(TEN), (), SECRET_FIELDS, told)
    made.frame(b'{"first":1}')
    until = time.monotonic() + 10
    while not list(read_entries(tmp_path / "r")) and time.monotonic() < until:
        time.sleep(0.05)
    usual = os.write

    def full(handle: int, data: Any) -> int:
        if handle == made._file:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return usual(handle, data)

    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        made.frame(b'{"second":2}')
    while not told.notices and time.monotonic() < until:
        time.sleep(0.05)
    made.frame(b'{"third":3}')
    made.close()
    ((level, title, text),) = told.notices
    assert (level, title) == ("warning", "the recording has stopped")
    assert "the disk is full" in text and "The run goes on" in text
    assert len(list(read_entries(tmp_path / "r"))) == 1


SECRET = 'S3"cret\\schlüssel/키'
ACCOUNT = "8123456711"


def test_no_secret_and_no_account_number_is_in_the_file(tmp_path: Path) -> None:
    """In each place and spelling, also before kt knows that a number is the account's."""
    made = recorder(tmp_path / "r", SECRET, "APPKEY-1234567")
    nested = msgspec.json.encode({"raw": msgspec.json.encode({"key": SECRET}).decode()}).decode()
    answered = made.call("ka00001", "/p", {"x": SECRET}, "", "TOKEN-abcdefgh")
    answered(RecordedAnswer(evidence=f"got {SECRET}", body={"acctNo": ACCOUNT, "n": nested}))
    made.call("au10001", "/p", {"appkey": "APPKEY-1234567", "secretkey": SECRET}, "", "")(
        RecordedAnswer(evidence="", body={"token": "NEW-TOKEN-999"})
    )
    made.frame(msgspec.json.encode({"9201": ACCOUNT, "t": f"x {ACCOUNT} NEW-TOKEN-999"}))
    made.frame(f'{{"trnm":\n"{ACCOUNT} TOKEN-abcdefgh"}}'.encode())
    made.close()
    text = plain(tmp_path / "r")
    for hidden in (
        *(SECRET, msgspec.json.encode(SECRET).decode()[1:-1], "APPKEY-1234567"),
        *("TOKEN-abcdefgh", "NEW-TOKEN-999", ACCOUNT, "schl", "S3"),
    ):
        assert hidden.encode() not in text, hidden
    (call, token, *frames, _) = read_entries(tmp_path / "r")
    assert isinstance(call, RecordedCall) and call.answer.body is not None
    assert call.answer.body["acctNo"] == "0" * len(ACCOUNT), "still a number of that length"
    assert isinstance(token, RecordedCall) and token.body is None
    assert len(frames) == 2


@given(st.text(min_size=8), st.text(), st.text())
def test_any_text_is_hidden_in_any_line(secret: str, before: str, after: str) -> None:
    masking = Masking((secret,), SECRET_FIELDS)
    line = msgspec.json.encode({"a": before + secret + after})
    found = msgspec.json.decode(masking.masked(line))["a"]
    assert secret not in found or set(secret) == {"0"}


def test_short_words_are_no_secrets() -> None:
    assert Masking(("kt-sim",), ()).masked(b'{"a":"kt-sim"}') == b'{"a":"kt-sim"}'


def test_a_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        recorder(tmp_path / "r")
    assert (tmp_path / "r").read_text() == "mine"
    with pytest.raises(UsageError, match="cannot be written"):
        recorder(tmp_path / "no" / "folder")


def test_what_is_no_recording_is_refused_in_words(tmp_path: Path) -> None:
    for name, content in {
        "text": b"code,at,open\n",
        "empty": b"",
        "gzip": zlib.compress(b"x", wbits=31),
        "json": zlib.compress(b'{"line":"frame","at":1}\n', wbits=31),
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match="no recording"):
            read_header(path)
    assert not is_recording(tmp_path / "text") and is_recording(tmp_path / "gzip")
    with pytest.raises(InputError, match="cannot be read"):
        read_header(tmp_path / "missing")


def test_a_newer_form_says_which_version_made_it(tmp_path: Path) -> None:
    header = replace(HEADER, format=FORMAT + 1, kt="9.0.0")
    recorder(tmp_path / "r", header=header).close()
    with pytest.raises(InputError, match=r"kt 9\.0\.0 in format 2"):
        read_header(tmp_path / "r")


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    lines = msgspec.json.encode(HEADER) + b'\n{"line":"frame","at":"x"}\n'
    (tmp_path / "r").write_bytes(zlib.compress(lines, wbits=31))
    with pytest.raises(InputError, match="line 2"):
        list(read_entries(tmp_path / "r"))


def test_the_configuration_comes_back_without_channels_and_folders(tmp_path: Path) -> None:
    given = {
        "state_dir": "/somewhere",
        "notify": {"webhook": "https://example.org/SECRET"},
        "exits": {"stop_loss_pct": "3"},
    }
    header = new_header(build_config(given, {}, {}), "run", TEN, schema=1)
    assert b"SECRET" not in msgspec.json.encode(header)
    back = config_of(header, str(tmp_path))
    assert (back.exits.stop_loss_pct, back.state_dir) == (3.0, str(tmp_path))
    assert not back.notify.webhook


def test_a_configuration_that_this_version_does_not_know_is_refused_in_words() -> None:
    from kt.recording.header import config_digest

    config = {**HEADER.config, "colour_of_the_sky": "blue"}
    newer = replace(HEADER, config=config, digest=config_digest(config), kt="9.0.0")
    with pytest.raises(InputError, match=r"kt 9\.0\.0 is not valid for kt .*colour_of_the_sky"):
        config_of(newer, "")
    with pytest.raises(InputError, match="was changed"):
        config_of(replace(HEADER, config=config), "")


def test_the_analysts_key_is_hidden_wherever_it_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("AIza-from-a-file-123\n")
    file.chmod(0o600)
    keys = AppKeys("app-key-1234", "secret-key-1234")
    settings = {"analyst": {"kind": "gemini", "key_file": str(file)}}
    assert "AIza-from-a-file-123" in secrets_of(build_config(settings, {}, {}), {}, keys)
    file.chmod(0o644)  # which kt refuses to use
    assert "AIza-from-a-file-123" not in secrets_of(build_config(settings, {}, {}), {}, keys)
