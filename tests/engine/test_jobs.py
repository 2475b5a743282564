"""Every job has a name of its own, and every timer of the day does something."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import kt.engine
from kt.engine import dispatch
from kt.engine.jobs import Job
from kt.engine.schedule import DUE
from kt.engine.timers import Timer
from kt.errors import Unreachable
from kt.steps.context import Context
from tests.engine.acting import Make


def defined() -> list[Job[..., Any]]:
    found = {
        id(value): value
        for part in pkgutil.iter_modules(kt.engine.__path__)
        for value in vars(importlib.import_module(f"kt.engine.{part.name}")).values()
        if isinstance(value, Job)
    }
    return list(found.values())


def test_no_two_jobs_have_the_same_name() -> None:
    """The workers run one task of a name at a time."""
    names = [job.name for job in defined()]
    assert len(names) > 20
    assert sorted(names) == sorted(set(names))


def test_every_timer_does_something() -> None:
    assert set(DUE) == set(Timer)


def test_a_job_about_a_stock_is_announced_by_its_title_and_stock(stage: Make) -> None:
    made = stage()
    runtime = made.day.runtime

    def fail(ctx: Context, stock_code: str) -> None:
        raise Unreachable("connect error")

    failures: list[Exception] = []
    job = Job(
        "question",
        "the question about a profit",
        fail,
        about=lambda stock_code: stock_code,
        failed=lambda runtime, failure: failures.append(failure),
    )
    assert job.start(runtime, "005930")
    answered = runtime.events.get(timeout=10)
    assert answered is not None
    dispatch.handle(runtime, answered)
    assert [failure.args[0] for failure in failures] == ["connect error"]
    assert made.lines[-1].endswith("the question about a profit of 005930 failed: connect error")
    (error,) = made.world.journal.events(kinds=("error",), after=-10, limit=10)
    assert "worker.question.005930" in str(error)
