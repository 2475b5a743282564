"""kt service install: valid systemd units, crontab lines at the right times, no line lost."""

from __future__ import annotations

import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from kt.cli.support.service_units import Service, cron_lines, replaced, units
from kt.errors import ExitCode
from kt.records import KST
from tests.cli.front import Front

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=KST)
ODD = Service(
    "mock",
    ("/opt/my kt/bin/kt",),
    ("--quiet", "--profile", "mock", "--config", '/home/a b/50%$HOME".yaml'),
    {"KT_STATE_DIR": "/home/a b/state 100%"},
)


def times(service: Service, hours_from_utc: int, *, once: bool) -> list[str]:
    """The times in the lines, for a machine in that time zone."""
    zone = timezone(timedelta(hours=hours_from_utc))
    lines = cron_lines(service, zone, NOW, once=once)
    return [" ".join(line.split()[:5]) for line in lines if "log prune" not in line]


@pytest.mark.parametrize(
    ("zone", "day", "cycles"),
    [
        (9, "55 7 * * 1,2,3,4,5", ["* 9,10,11,12,13,14,15 * * 1,2,3,4,5"]),
        (0, "55 22 * * 0,1,2,3,4", ["* 0,1,2,3,4,5,6 * * 1,2,3,4,5"]),
        (
            -5,
            "55 17 * * 0,1,2,3,4",
            ["* 19,20,21,22,23 * * 0", "* 0,1,19,20,21,22,23 * * 1,2,3,4", "* 0,1 * * 5"],
        ),
    ],
)
def test_cron_runs_when_korea_trades(zone: int, day: str, cycles: list[str]) -> None:
    assert times(ODD, zone, once=False) == [day]
    assert times(ODD, zone, once=True) == cycles


def test_a_cron_line_is_one_shell_command(tmp_path: Path) -> None:
    """As cron parses it: an escaped percent sign is literal, the rest goes to the shell."""
    program = tmp_path / "my kt"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$KT_STATE_DIR" "$@" >&2\n')
    program.chmod(0o700)
    service = Service("mock", (str(program),), ODD.options, ODD.environment)
    (line,) = cron_lines(service, UTC, NOW, once=False)
    assert "%" not in line.replace(r"\%", ""), "cron ends a command at a bare percent sign"
    shell = line.split(" ", 5)[5].replace(r"\%", "%")
    ran = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    assert ran.stderr.splitlines() == [
        ODD.environment["KT_STATE_DIR"],
        *ODD.options,
        *("run", "--until-close", "--skip-if-running"),
    ]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = tmp_path / "my kt"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    service = Service("mock", (str(program),), ODD.options, ODD.environment)
    for name, text in units(service).items():
        (tmp_path / name).write_text(text)
    timer = str(tmp_path / "kt-mock.timer")
    command = ["systemd-analyze", "verify", "--user", "--recursive-errors=no", timer]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in ran.stderr.splitlines() if "kt-mock" in line]
    assert not complaints, ran.stderr


def test_a_unit_quotes_what_systemd_would_expand() -> None:
    text = units(ODD)["kt-mock.service"]
    assert r'"/home/a b/50%%$$HOME\".yaml"' in text
    assert 'Environment="KT_STATE_DIR=/home/a b/state 100%%"' in text


def test_the_units_are_printed_and_written(front: Front, tmp_path: Path) -> None:
    front.environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    ran = front("service", "install")
    folder = tmp_path / "config" / "systemd" / "user"
    assert ran.code == 0 and not folder.exists()
    assert f'"--config" "{front.folder / "config.yaml"}"' in ran.out
    assert f'Environment="KT_STATE_DIR={front.folder / "state"}"' in ran.out
    ran = front("service", "install", "--write")
    assert sorted(path.name for path in folder.iterdir()) == ["kt-sim.service", "kt-sim.timer"]
    assert all(str(path) in ran.out for path in folder.iterdir())
    assert stat.S_IMODE((folder / "kt-sim.service").stat().st_mode) == 0o600
    assert "systemctl --user enable --now kt-sim.timer" in ran.err.replace("\n", " ")


def test_lines_are_put_into_the_crontab_once_and_others_stay(front: Front, tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.write_text("5 5 * * * mine\n")
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = -l ] && exec cat {table}\ncat > {table}\n')
    program.chmod(0o700)
    front.environ["PATH"] = f"{program.parent}:/usr/bin:/bin"
    for _ in range(2):
        assert front("service", "install", "--cron", "--write").code == 0
    lines = table.read_text().splitlines()
    assert lines[:2] == ["5 5 * * * mine", "# kt sim: begin"]
    assert len(lines) == 4 and lines[3] == "# kt sim: end"
    assert "run --until-close --skip-if-running >/dev/null" in lines[2]


@pytest.mark.parametrize(("said", "code"), [("no crontab for me", 0), ("it is locked", 1)])
def test_an_unreadable_crontab_is_not_overwritten(
    front: Front, tmp_path: Path, said: str, code: int
) -> None:
    program = tmp_path / "crontab"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -l ] && {{ echo "{said}" >&2; exit 1; }}\ncat > {tmp_path}/put\n'
    )
    program.chmod(0o700)
    front.environ["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    assert front("service", "install", "--cron", "--write").code == code
    assert (tmp_path / "put").exists() == (code == 0)


def test_without_the_crontab_program_the_error_has_a_hint(front: Front) -> None:
    front.environ["PATH"] = "/nowhere"
    ran = front("service", "install", "--cron", "--write")
    assert ran.code == ExitCode.ERROR and "Without --write the lines are printed" in ran.err


def test_lines_of_others_stay_in_the_crontab() -> None:
    first = replaced("a\n", "sim", ["x"])
    both = replaced(first, "mock", ["y"])
    assert replaced(both, "sim", ["z"]).splitlines() == [
        *("a", "# kt mock: begin", "y", "# kt mock: end"),
        *("# kt sim: begin", "z", "# kt sim: end"),
    ]


def test_a_service_on_real_needs_yes(front: Front) -> None:
    ran = front("service", "install", "--profile", "real")
    assert ran.code == ExitCode.USAGE and "sends orders without asking" in ran.err
    assert '"--yes"' in front("service", "install", "--profile", "real", "--yes").out


def test_once_needs_cron(front: Front) -> None:
    assert front("service", "install", "--once").code == ExitCode.USAGE
