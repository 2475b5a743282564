"""No job and no timer of the day is left without what it leads to."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import kt.engine
from kt.engine.jobs import Job
from kt.engine.registry import JOBS, job_of
from kt.engine.schedule import DUE
from kt.engine.timers import Timer
from kt.engine.workers import EXIT


def defined() -> list[Job[..., Any]]:
    found = {
        id(value): value
        for part in pkgutil.iter_modules(kt.engine.__path__)
        for value in vars(importlib.import_module(f"kt.engine.{part.name}")).values()
        if isinstance(value, Job)
    }
    return list(found.values())


def test_every_job_is_found_by_its_name() -> None:
    jobs = defined()
    assert len(jobs) > 20
    for job in jobs:
        assert JOBS.get(job.name) is job, job.name
        assert job_of(job.name) is job and job_of(f"{job.name}.005930") is job


def test_the_exit_is_named_as_the_workers_know_it() -> None:
    assert job_of(f"{EXIT}005930").orders


def test_every_timer_does_something() -> None:
    assert set(DUE) == set(Timer)
