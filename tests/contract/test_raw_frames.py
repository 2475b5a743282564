"""`kt api` of the WebSocket's APIs, in a real process against the exchange's own socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kt.broker.stream.lease import Lease
from kt.errors import ExitCode
from tests.serving import Served, serve

APP_KEY = "raw-frames"


@pytest.fixture
def served() -> Iterator[Served]:
    with serve() as running:
        yield running


def kt(served: Served, state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KT_")},
        "KT_BASE_URL": served.base_url,
        "KT_WS_URL": served.ws_url,
        "KT_STATE_DIR": str(state),
        "KT_APP_KEY": APP_KEY,
        "KT_SECRET_KEY": APP_KEY,
    }
    return subprocess.run(
        [sys.executable, "-m", "kt", *words],
        check=False,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def frames(ran: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_search_ends_with_its_answer(served: Served, tmp_path: Path) -> None:
    (listed,) = frames(kt(served, tmp_path, "api", "ka10171"))
    assert (listed["trnm"], listed["return_code"], len(listed["data"])) == ("CNSRLST", 0, 2)


def test_a_condition_is_asked_for_after_the_list(served: Served, tmp_path: Path) -> None:
    body = '{"seq":"4","search_type":"0","stex_tp":"K"}'
    (answer,) = frames(kt(served, tmp_path, "api", "ka10172", body))
    assert answer["trnm"] == "CNSRREQ"
    assert "조건검색식" in answer["return_msg"]
    (answer,) = frames(kt(served, tmp_path, "api", "ka10172", body.replace("4", "0")))
    assert (answer["return_code"], answer["seq"]) == (0, "0 ")


def test_a_live_type_goes_on_until_the_count(served: Served, tmp_path: Path) -> None:
    body = '{"item":["005930"]}'
    answer, first, second = frames(kt(served, tmp_path, "api", "0B", body, "--count", "3"))
    assert (answer["trnm"], answer["return_code"]) == ("REG", 0)
    assert (first["trnm"], second["trnm"]) == ("REAL", "REAL")
    assert {row["type"] for row in first["data"]} == {"0B"}
    assert first["data"][0]["values"]["10"].lstrip("+-").isdigit()


def test_a_whole_request_is_sent_as_it_is(served: Served, tmp_path: Path) -> None:
    body = '{"trnm":"REG","grp_no":"7","refresh":"1","data":[{"item":"005930","type":["0B"]}]}'
    (refused,) = frames(kt(served, tmp_path, "api", "0B", body, "--count", "1"))
    assert refused["trnm"] == "REG"
    assert str(refused["return_code"]) == "105111"


def test_the_one_connection_is_not_taken_from_another_process(
    served: Served, tmp_path: Path
) -> None:
    lease = Lease(tmp_path / "sim" / "locks", APP_KEY, served.ws_url)
    assert lease.take()
    try:
        ran = kt(served, tmp_path, "api", "0B")
    finally:
        lease.release()
    assert ran.returncode == ExitCode.ERROR
    assert "another process holds the stream" in ran.stderr
    assert ran.stdout == ""


def test_pages_are_for_rest_alone(served: Served, tmp_path: Path) -> None:
    ran = kt(served, tmp_path, "api", "0B", "--all-pages")
    assert ran.returncode == ExitCode.USAGE
    assert "frames have no pages" in ran.stderr
