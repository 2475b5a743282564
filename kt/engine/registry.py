"""All jobs of the day by name: a worker's answer finds here what it leads to."""

from __future__ import annotations

from typing import Any

from kt.engine import decisions, emergency, exits, holdings, orders, schedule, stream_connection
from kt.engine.jobs import Job
from kt.engine.stream_subscriptions import WATCH

JOBS: dict[str, Job[..., Any]] = {
    job.name: job
    for job in (
        schedule.RECONCILE,
        stream_connection.FEED,
        WATCH,
        schedule.PLAN,
        decisions.FAST,
        decisions.DEEP,
        decisions.AI,
        decisions.CHECK,
        decisions.PLACE,
        decisions.AGAIN,
        exits.QUOTES,
        exits.TRAIL,
        exits.PROFIT,
        exits.EXIT,
        orders.LOOK,
        orders.RECOVER,
        orders.CHASE,
        orders.TAKE_BACK,
        holdings.BOOKS,
        emergency.FLATTEN,
        schedule.LEARN,
        schedule.SETTLE,
    )
}


def job_of(started: str) -> Job[..., Any]:
    """The job by the name of one of its starts, which may end in the stock it is about."""
    return JOBS[started.partition(".")[0]]
