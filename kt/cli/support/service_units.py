"""A trading day that starts by itself: systemd user units and crontab lines as text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from kt.records import KST

START = (7, 55)
"""Five minutes before the day's first phase, in Korean time."""
CYCLE_HOURS = range(9, 16)
"""The hours of the session, in Korean time."""
WEEKDAYS = range(1, 6)
"""Monday to Friday, as cron counts."""
LASTING = "2 4 6"
"""Exit codes that starting again does not mend: usage and configuration, keys, a halt."""


@dataclass(frozen=True)
class Service:
    """What is to run. `program` and the paths in `options` and `environment` are absolute."""

    profile: str
    program: tuple[str, ...]
    options: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"kt-{self.profile}"

    def command(self, *arguments: str) -> tuple[str, ...]:
        return (*self.program, *self.options, *arguments)


def units(service: Service) -> dict[str, str]:
    """The service and its timer by file name (systemd.service(5), systemd.timer(5))."""
    arguments = service.command("run", "--until-close", "--skip-if-running")
    command = " ".join(_quoted(part).replace("$", "$$") for part in arguments)
    environment = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n" for name, value in service.environment.items()
    )
    hour, minute = START
    return {
        f"{service.name}.service": (
            "[Unit]\n"
            f"Description=kt, the trading day on the profile {service.profile}\n"
            "Wants=network-online.target\n"
            "After=network-online.target\n"
            "\n[Service]\n"
            "Type=exec\n"
            f"ExecStart={command}\n"
            f"{environment}"
            "StandardOutput=null\n"
            "Restart=on-failure\n"
            "RestartSec=30\n"
            f"RestartPreventExitStatus={LASTING}\n"
            "TimeoutStopSec=30\n"
            "UMask=0077\n"
            "NoNewPrivileges=true\n"
        ),
        f"{service.name}.timer": (
            "[Unit]\n"
            f"Description=kt, each weekday at {hour:02}:{minute:02} in Korea\n"
            "\n[Timer]\n"
            f"OnCalendar=Mon..Fri *-*-* {hour:02}:{minute:02}:00 Asia/Seoul\n"
            "Persistent=true\n"
            "\n[Install]\n"
            "WantedBy=timers.target\n"
        ),
    }


def _quoted(text: str) -> str:
    """One word of a unit file: systemd expands percent signs, and unquotes as C does."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def cron_lines(service: Service, here: tzinfo | None, now: datetime, *, once: bool) -> list[str]:
    """One line for the day, or those of a cycle a minute and of the pruning that a long run does by
    itself, in the time zone of this machine (None:
    what the system says). cron itself knows no other: the lines are right until clocks change."""
    if not once:
        start = _start_time(here, now)
        return [_line(start, service, "run", "--until-close", "--skip-if-running")]
    cycles = [
        _line(time, service, "run", "--once", "--skip-if-running")
        for time in _cycle_times(here, now)
    ]
    return [*cycles, _line("0 12 * * 0", service, "log", "prune")]


def _line(time: str, service: Service, *arguments: str) -> str:
    """cron ends a command at a bare percent sign."""
    words = [f"{name}={shlex.quote(value)}" for name, value in service.environment.items()]
    words += [shlex.quote(part) for part in service.command(*arguments)]
    return f"{time} {' '.join(words)} >/dev/null".replace("%", r"\%")


def _start_time(here: tzinfo | None, now: datetime) -> str:
    first = [_local(day, *START, here, now) for day in WEEKDAYS]
    days = ",".join(str(_cron_day(at)) for at in first)
    return f"{first[0].minute} {first[0].hour} * * {days}"


def _cycle_times(here: tzinfo | None, now: datetime) -> list[str]:
    """The session may lie on two days of this machine's: a line for each set of hours."""
    by_day: dict[int, list[int]] = {}
    for day in WEEKDAYS:
        for hour in CYCLE_HOURS:
            at = _local(day, hour, 0, here, now)
            by_day.setdefault(_cron_day(at), []).append(at.hour)
    by_hours: dict[tuple[int, ...], list[int]] = {}
    for day, hours in by_day.items():
        by_hours.setdefault(tuple(sorted(hours)), []).append(day)
    return [f"* {_list(hours)} * * {_list(days)}" for hours, days in by_hours.items()]


def _local(weekday: int, hour: int, minute: int, here: tzinfo | None, now: datetime) -> datetime:
    """That time of the coming week in Korea, as this machine's clock shows it."""
    today = now.astimezone(KST)
    day = today + timedelta(days=(weekday - today.isoweekday()) % 7)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0).astimezone(here)


def _cron_day(at: datetime) -> int:
    """0 is Sunday."""
    return at.isoweekday() % 7


def _list(numbers: Sequence[int]) -> str:
    return ",".join(str(number) for number in sorted(numbers))


def replaced(crontab: str, profile: str, lines: Sequence[str]) -> str:
    """A crontab with these lines between kt's marks for the profile; the rest stays as it is."""
    begin, end = f"# kt {profile}: begin", f"# kt {profile}: end"
    kept, inside = [], False
    for line in crontab.splitlines():
        inside = inside or line == begin
        if not inside:
            kept.append(line)
        inside = inside and line != end
    return "\n".join([*kept, begin, *lines, end]) + "\n"
