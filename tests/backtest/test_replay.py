"""A recorded day is decided again as it was: on the virtual clock to the byte, over sockets in all
that kt decides and orders; and what differs is said."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from kt.backtest.replay_run import replay
from kt.config.load import load_config
from kt.config.secrets import app_keys
from kt.errors import InputError
from kt.recording.entries import RecordedCall, RecordedResult, RecordingHeader
from kt.recording.header import config_digest
from kt.recording.reader import read_entries, read_header
from kt.sim.market.noise import key_of
from kt.store.normalised import digest
from tests.tools.make_recording import PLACE, SETTINGS, arguments

KT = (sys.executable, "-m", "kt")


def environ(folder: Path, **more: str) -> dict[str, str]:
    own = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "KT_STATE_DIR": str(folder / "s")}
    return {**os.environ, **own, **more}


def kt(folder: Path, *line: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*KT, *line], env=environ(folder, **more), capture_output=True, timeout=120, check=False
    )


def changed(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """The fixture with some of its lines changed."""
    lines = gzip.decompress(PLACE.read_bytes()).splitlines(keepends=True)
    path = folder / "changed.ktrec"
    path.write_bytes(gzip.compress(b"".join(map(change, lines)), 1))
    return path


def with_header(folder: Path, **changes: Any) -> Path:
    """The fixture with another header."""
    header = msgspec.json.encode(replace(read_header(PLACE), **changes)) + b"\n"
    return changed(folder, lambda line: header if line.startswith(b'{"line":"header"') else line)


def again(path: Path, folder: Path) -> Any:
    return replay(path, folder / "again", {}, lambda line: None)


def test_the_recorded_day_is_small_and_something_happens_in_it() -> None:
    assert PLACE.stat().st_size < 300_000
    made = [entry for entry in read_entries(PLACE) if isinstance(entry, RecordedResult)]
    events = [one.values["kind"] for one in made if one.what == "event"]
    assert events.count("FILL") > 3 and {one.what for one in made} >= {"decision", "check"}


def test_the_recorded_day_is_decided_again_by_another_version(tmp_path: Path) -> None:
    """As a recording of an earlier kt: times may differ, decisions and orders may not. When they
    are to, record it again: `python -m tests.tools.make_recording`."""
    found = again(with_header(tmp_path, kt="0.0.9"), tmp_path)
    assert found.difference is None, found.difference
    assert not found.missing and not found.failure and found.results > 20


def test_a_recording_of_the_virtual_clock_is_replayed_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "day.ktrec"
    ran = kt(tmp_path, *arguments(path, tmp_path / "first"), "-o", "json")
    assert ran.returncode == 0, ran.stderr.decode()
    first = json.loads(ran.stdout)["items"][0]
    done = kt(tmp_path, "replay", str(path), "--folder", str(tmp_path / "again"))
    row = json.loads(done.stdout)["items"][0]
    assert (done.returncode, row["same"], row["missing"]) == (0, True, [])
    assert digest(tmp_path / "again" / "sim" / "kt.db") == first["digest"]
    usual = [line for line in arguments(path, tmp_path / "x") if not line.startswith("--record")]
    unrecorded = kt(tmp_path, *usual, "-o", "json")
    assert json.loads(unrecorded.stdout)["items"][0]["digest"] == first["digest"]


def test_another_decision_is_said_with_its_time(tmp_path: Path) -> None:
    """A version of kt that asks for more confidence, and a price that was another one."""
    header = read_header(PLACE)
    config = {**header.config, "limits": {**header.config["limits"], "min_confidence": 0.99}}
    path = with_header(tmp_path, config=config, digest=config_digest(config), kt="0.0.9")
    found = again(path, tmp_path)
    assert found.difference is not None
    assert (found.difference.what, found.difference.was["passed"]) == ("check", True)
    assert found.difference.now["passed"] is False
    done = kt(tmp_path, "replay", str(path), "-o", "table")
    assert done.returncode == 1
    assert b"first difference: check" in done.stdout and b"passed: True -> False" in done.stdout
    assert b"the replay differs from 10:" in done.stderr


def test_what_was_not_recorded_is_named(tmp_path: Path) -> None:
    """A version of kt that asks for an API that the recording lacks goes on without it."""
    path = changed(tmp_path, lambda line: b"" if b'"api_id":"ka10046"' in line else line)
    found = again(path, tmp_path)
    assert found.missing[0][1] == "ka10046"
    assert found.difference is not None and found.difference.was != found.difference.now


def test_answers_of_other_stocks_may_change_places(tmp_path: Path) -> None:
    """As threads of a live run do: the lines of the file in another order."""
    lines = gzip.decompress(PLACE.read_bytes()).splitlines(keepends=True)
    for place in range(len(lines) - 1):
        pair = lines[place : place + 2]
        if all(b'"line":"call"' in line for line in pair) and place % 3 == 0:
            lines[place : place + 2] = reversed(pair)
    path = tmp_path / "swapped.ktrec"
    path.write_bytes(gzip.compress(b"".join(lines), 1))
    found = again(path, tmp_path)
    assert found.difference is None and not found.missing


def test_a_recording_that_was_cut_off_is_replayed_as_far_as_it_goes(tmp_path: Path) -> None:
    lines = gzip.decompress(PLACE.read_bytes()).splitlines(keepends=True)
    made = [place for place, line in enumerate(lines) if b'"line":"made"' in line]
    path = tmp_path / "cut.ktrec"
    path.write_bytes(gzip.compress(b"".join(lines[: made[12]]) + lines[made[12]][:30], 1))
    found = again(path, tmp_path)
    assert found.difference is None and 8 < found.results <= 12


def test_what_cannot_be_replayed_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kt watch"):
        again(with_header(tmp_path, command="watch"), tmp_path)
    ran = kt(tmp_path, "replay", str(tmp_path / "missing"))
    assert ran.returncode == 3 and b"cannot be read" in ran.stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    ran = kt(tmp_path, "replay", str(PLACE), "--folder", str(tmp_path / "full"))
    assert ran.returncode == 2 and b"is not empty" in ran.stderr
    ran = kt(tmp_path, "backtest", "--days", "2", "--record", str(tmp_path / "r"))
    assert ran.returncode == 2 and b"--record takes one day" in ran.stderr


@pytest.mark.timeout(180)
def test_a_live_cycle_and_a_live_day_over_sockets_are_replayed(tmp_path: Path) -> None:
    """Real sockets, threads and clocks; the second run begins with what the first one bought. What
    two threads of it did at the same moment the replay may do in turn, so of two recordings one
    must be the same."""
    first = differences(tmp_path, *recorded(tmp_path / "first"))
    assert not first or not differences(tmp_path, *recorded(tmp_path / "second")), first


def differences(folder: Path, *paths: Path) -> list[str]:
    """Where the replays of these leave them."""
    found = []
    for path in paths:
        done = kt(folder, "replay", str(path), KT_CONFIG="")
        row = json.loads(done.stdout)["items"][0]
        assert row["results"] > 5 and row["exact"] is False
        assert done.returncode == int(not row["same"])
        if not row["same"]:
            found.append(f"{path.name}: {json.dumps(row['difference'])}, {row['missing']}")
    return found


def recorded(folder: Path) -> tuple[Path, Path]:
    """A cycle and fifteen seconds of a day, recorded. No secret, token or account number is in the
    files."""
    folder.mkdir()
    config = folder / "c.yaml"
    config.write_text(
        "scan: {fast_keep: 6, deep_keep: 3, ai_keep: 2}\nlimits: {min_confidence: 0.4}\n"
        "analyst: {kind: rules}\nsimulator: {seed: 7}\n"
        "notify: {webhook: 'https://example.org/hook-SECRET'}\n"
    )
    more = {"KT_CONFIG": str(config), "GEMINI_API_KEY": "AIza-not-a-real-key-123"}
    once, day = folder / "once.ktrec", folder / "day.ktrec"
    assert kt(folder, "sim", "start", **more).returncode == 0
    try:
        record(folder, once, day, more)
        token = json.loads(next((folder / "s" / "sim").glob("token*.json")).read_bytes())
    finally:
        kt(folder, "sim", "stop", **more)
    secrets = hidden(config, folder, more, token)
    for path in (once, day):
        text = gzip.decompress(path.read_bytes())
        assert b"ka00001" in text or b"9201" in text or b"kt00018" in text
        assert not [one for one in secrets if one.encode() in text]
    return once, day


def record(folder: Path, once: Path, day: Path, more: dict[str, str]) -> None:
    ran = kt(folder, "run", "--once", "--record", str(once), **more)
    assert ran.returncode == 0, ran.stderr.decode()
    refused = kt(folder, "run", "--once", "--record", str(once), **more)
    assert refused.returncode == 2 and b"exists already" in refused.stderr
    trading = subprocess.Popen(
        [*KT, "run", "-q", "--record", str(day)], env=environ(folder, **more),
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            trading.wait(timeout=15)
        beside = kt(folder, "watch", "005930", "--record", str(folder / "w"), **more)
        assert beside.returncode != 0 and b"has the stream" in beside.stderr
    finally:
        trading.terminate()
    assert trading.wait(timeout=30) == 0


def hidden(config: Path, folder: Path, more: dict[str, str], token: Any) -> list[str]:
    """Every secret of the configuration, the token and the account's number."""
    ours = environ(folder, **more)
    found = load_config(str(config), ours, {})
    keys = app_keys(found, ours)
    account = f"{key_of('account', keys.app_key) % 10**8:08d}11"
    shown = json.loads(kt(folder, "balance", **more).stdout)["items"][0]["account"]
    kt(folder, "sim", "stop", **more)
    assert account.endswith(shown.strip("*")), "as the exchange makes it"
    texts = [one for one in json.dumps(token).replace('"', " ").split() if len(one) > 20]
    assert keys.secret_key and texts
    return [keys.secret_key, *texts, more["GEMINI_API_KEY"], "hook-SECRET", account]


def test_the_header_says_where_it_comes_from() -> None:
    header = read_header(PLACE)
    assert isinstance(header, RecordingHeader)
    assert (header.command, header.seed, header.exact) == ("backtest", 7, True)
    assert header.config["session"]["open"] == SETTINGS["session.open"]
    calls = [entry for entry in read_entries(PLACE) if isinstance(entry, RecordedCall)]
    assert {"au10001", "ka10099", "kt10000", "kt10001"} <= {call.api_id for call in calls}
