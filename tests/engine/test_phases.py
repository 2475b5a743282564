"""The run over nights, weekends, holidays and days with other hours, on a simulated clock."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from kt.config.model import Config, Cycle, Scan
from kt.engine import day as day_module
from kt.engine import schedule
from kt.records import KST, SessionNotice
from kt.rules.trading_phases import Phase
from tests.engine.acting import MONDAY, Make, Stage

FACTS = json.loads(
    (Path(__file__).parents[1] / "data" / "krx" / "calendar.json").read_text(encoding="utf-8")
)
RARE = Config(scan=Scan(fast_every=9_000, deep_every=9_000, ai_every=9_000), cycle=Cycle(every=900))


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of a minute instead of a second, and no timers in between."""
    monkeypatch.setattr(day_module, "TURN", 60.0)
    for name in ("BEAT", "METRICS_EVERY", "LOOK_EVERY", "BOOKS_EVERY", "LEARN_EVERY"):
        monkeypatch.setattr(schedule, name, 900.0)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


def begun(stage: Make, start: str) -> Stage:
    made: Stage = stage(RARE)
    made.clock.step = 60.0
    made.clock.set(moment(start) - timedelta(minutes=1))  # the first turn takes a minute
    return made


def played(made: Stage, until: str) -> list[str]:
    """Run until then; the phases that began, each with its time."""
    end = moment(until)
    made.acts.append((end, made.day.stop))
    made.acts.sort(key=lambda act: act[0])
    made.day.run()
    return [
        f"{line.split()[0][:5]} {line.split()[1]}"
        for line in made.lines
        if line.split()[1] in set(Phase)
    ]


def test_over_christmas_and_a_weekend_nothing_runs(stage: Make) -> None:
    """From Thursday evening to Monday morning, past three midnights."""
    made = begun(stage, "2026-12-24 16:05")
    phases = played(made, "2026-12-28 07:59")
    assert phases == ["16:05 idle", "00:00 before"]
    assert made.lines[-1].endswith("before 2026-12-28")
    assert (made.streams, made.world.broker.asked, made.world.market.asked) == ([], [], [])


def test_the_year_ends_early_and_begins_late(stage: Make) -> None:
    """The last session is on 12-30; the first, on 2027-01-04, opens at 10:00."""
    made = begun(stage, "2026-12-30 15:50")
    phases = played(made, "2027-01-04 10:01")
    assert phases == [
        "15:50 settle", "16:00 idle", "00:00 before", "08:00 start", "09:30 prepare", "10:00 open",
    ]  # fmt: skip
    assert made.day.runtime.state.begun == date(2027, 1, 4)


def test_the_exam_day_is_an_hour_later(stage: Make) -> None:
    phases = played(begun(stage, "2026-11-19 07:30"), "2026-11-19 17:30")
    assert phases == [
        "07:30 before", "08:00 start", "09:30 prepare", "10:00 open",
        "16:20 closing", "16:30 settle", "17:00 idle",
    ]  # fmt: skip


def test_the_market_phase_of_the_broker_wins_over_an_exam_day_of_the_calendar(stage: Make) -> None:
    """The exam was moved: the market opens and closes as on any day."""
    made = begun(stage, "2026-11-19 08:55")
    for code, when in (("3", "09:00"), ("2", "15:20"), ("4", "15:30")):
        made.acts.append((moment(f"2026-11-19 {when}"), lambda code=code: tell(made, code)))
    phases = played(made, "2026-11-19 15:45")
    assert [phase for phase in phases if phase[6:] != "start"] == [
        "09:00 open", "15:20 closing", "15:30 settle",
    ]  # fmt: skip


def test_an_opening_that_the_broker_delays_is_waited_for(stage: Make) -> None:
    """An ordinary Monday by the calendar; the broker counts down to 10:00."""
    made = begun(stage, "2026-11-23 08:25")
    for minute in range(55, 120):
        at = MONDAY + timedelta(hours=8, minutes=minute)
        made.acts.append((at, lambda: tell(made, "0")))
    made.acts.append((moment("2026-11-23 10:00"), lambda: tell(made, "3")))
    phases = played(made, "2026-11-23 10:05")
    assert phases[-2:] == ["08:30 prepare", "10:00 open"]


def tell(made: Stage, code: str) -> None:
    made.stream.say(SessionNotice(code=code, at=made.clock.now()))


@pytest.mark.parametrize("day", [*FACTS["closed_days"]["2026"], *FACTS["closed_days"]["2027"]])
def test_on_a_holiday_nothing_runs(stage: Make, day: str) -> None:
    made = begun(stage, f"{day} 07:55")
    assert played(made, f"{day} 16:30") == ["07:55 idle"]
    assert (made.streams, made.world.broker.asked) == ([], [])
