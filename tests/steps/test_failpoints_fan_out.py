"""Failpoints kill only when configured; parallel requests return every answer and failure."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kt.errors import AuthError, JournalError, RateLimited, Unreachable, WireError
from kt.ports.patience import time_left, within
from kt.steps import failpoints
from kt.steps.fan_out import error_kind, gather
from tests.fakes import World

STEPS = Path(failpoints.__file__).parent


def run(crash_at: str, *names: str, profile: str = "sim") -> subprocess.CompletedProcess[str]:
    code = "from kt.steps.failpoints import hit\n" + "".join(
        f"hit({name!r}, {profile!r}); print({name!r}, flush=True)\n" for name in names
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KT_CRASH_AT": crash_at},
        capture_output=True,
        text=True,
        check=False,
        cwd=STEPS.parent.parent,
    )


def test_a_point_kills_the_process_at_its_nth_time() -> None:
    died = run("place.sent:2", "place.sent", "place.planned", "place.sent", "place.sent")
    assert died.returncode == -signal.SIGKILL
    assert died.stdout.split() == ["place.sent", "place.planned"]


@pytest.mark.parametrize("crash_at", ["", "place.recorded"])
def test_a_point_that_is_not_named_does_nothing(crash_at: str) -> None:
    assert run(crash_at, "place.sent").returncode == 0


def test_no_point_kills_on_another_profile() -> None:
    assert run("place.sent", "place.sent", profile="real").returncode == 0


def test_every_point_is_listed_and_every_listed_point_is_used() -> None:
    used: set[str] = set()
    for path in STEPS.rglob("*.py"):
        for name in re.findall(r'hit\(\s*f?"([^"]+)"', path.read_text(encoding="utf-8")):
            for kind, state in (("amend", "amending"), ("cancel", "cancelling")):
                used.add(name.replace("{kind.name}", kind).replace("{kind.state.lower()}", state))
    assert used == set(failpoints.POINTS)


def test_answers_and_failures_are_returned_apart(world: World) -> None:
    def fail() -> int:
        raise Unreachable("HTTP 503")

    found = gather(world.ctx, "here", {"one": lambda: 1, "two": fail, "three": lambda: 3})
    assert found.answers == {"one": 1, "three": 3}
    assert str(found.failures["two"]) == "HTTP 503"
    (row,) = world.journal.events(kinds=["error"])
    assert "here.two" in str(row)
    with pytest.raises(Unreachable):
        gather(world.ctx, "here", {"two": fail}).raise_if_empty()
    found.raise_if_empty()
    gather(world.ctx, "here", {}).raise_if_empty()


@pytest.mark.parametrize("failure", [AuthError("8001"), JournalError("disk full")])
def test_auth_and_journal_errors_are_raised(world: World, failure: Exception) -> None:
    def fail() -> int:
        raise failure

    with pytest.raises(type(failure)):
        gather(world.ctx, "here", {"one": fail})


def test_requests_run_in_parallel(world: World) -> None:
    both = threading.Barrier(2, timeout=10)
    found = gather(world.ctx, "here", {"one": both.wait, "two": both.wait})
    assert set(found.answers) == {"one", "two"}


def test_an_exception_that_is_no_kt_error_is_raised(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        gather(world.ctx, "here", {"one": lambda: 1 // 0})


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Unreachable("x"), "network"),
        (RateLimited("x"), "rate"),
        (AuthError("x"), "auth"),
        (WireError("x", 1), "wire"),
        (JournalError("x"), "fatal"),
        (ValueError("x"), "fatal"),
    ],
)
def test_every_failure_is_of_one_kind(failure: Exception, kind: str) -> None:
    assert error_kind(failure) == kind


def test_a_fatal_error_does_not_wait_for_other_answers(world: World) -> None:
    hanging = threading.Event()

    def fail() -> None:
        raise AuthError("no")

    began = time.monotonic()
    with pytest.raises(AuthError):
        gather(world.ctx, "here", {"slow": lambda: hanging.wait(30), "two": fail})
    assert time.monotonic() - began < 5
    hanging.set()


def test_the_callers_deadline_holds_in_every_thread(world: World) -> None:
    with within(5.0):
        left = gather(world.ctx, "test", {"a": time_left, "b": time_left}).answers
    assert all(0 < seconds <= 5 for seconds in left.values())
