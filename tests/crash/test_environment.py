"""A machine that fails: nothing is sent, the error says why, `kt doctor` names the cause."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.crash.forge import BUSY_SECONDS, CLOCK_OFF, FILE_SIZE, FILES, KEPT, UMASK, USER
from tests.crash.house import Account
from tests.crash.invariants import NOTHING_TO_DO, assert_well
from tests.crash.processes import Ran
from tests.crash.stage import Stage

BUY = ("order", "buy", "015760", "2", "--market")
NOBODY = "65534"
READ_ONLY = "cannot be written to|no permission"


@pytest.fixture
def account(stage: Stage) -> Iterator[Account]:
    """An account with something held, so that a database stands to lose something."""
    made = Account(stage.house(), stage.new_folder("account"), stage.forge)
    assert made.kt("order", "buy", "005930", "3", "--market", "--wait").code == 0
    yield made
    made.close()


def refuses(account: Account, why: str, **env: str) -> None:
    """Whatever would send ends with 1, says why, and sends nothing; the doctor says why too."""
    before = len(account.truth().orders)
    for argv in (BUY, ("run", "--once")):
        ran = account.kt(*argv, **env)
        assert ran.code == 1, ran.told()
        assert re.search(why, ran.err), ran.told()
        assert "unexpected error" not in ran.err, ran.told()
    assert len(account.truth().orders) == before, "nothing was sent"
    doctor = account.kt("doctor", **env)
    assert doctor.code == 1
    failed = [line for line in doctor.out.split('"kind":"doctor"') if '"status":"fail"' in line]
    assert any(re.search(why, line) for line in failed), doctor.out


def goes_on(account: Account) -> None:
    """The trouble is over: kt trades again and the books are right."""
    ran = account.kt(*BUY)
    assert ran.code == 0, ran.told()
    assert_well(account)


def halts(account: Account, **env: str) -> None:
    """`kt halt` is in force with its reason, though the journal cannot note it."""
    halted = account.kt("halt", "--reason", "the reason", **env)
    assert halted.code == 0, halted.told()
    assert "in force by its flag file; the journal could not store it" in halted.err
    assert json.loads(halted.out)["items"][0]["mode"] == "halt"
    assert json.loads((account.state / "sim" / "halt.json").read_text())["reason"] == "the reason"


def is_halted(account: Account) -> None:
    """Once the trouble is over, the halt still holds, until somebody ends it."""
    assert account.kt(*BUY).code == 6
    assert account.kt("resume").code == 0


# no room


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own, where a test may make one."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=100,mode=700", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Take all the room there is, for bytes and for new files."""
    folder.mkdir()
    handle = os.open(folder / "bytes", os.O_CREAT | os.O_WRONLY)
    with closing(os.fdopen(handle, "wb", buffering=0)) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    with suppress(OSError):
        for number in itertools.count():
            (folder / str(number)).touch()


def test_with_a_full_disk_orders_are_refused_and_halt_works(stage: Stage) -> None:
    made = Account(stage.house(), stage.new_folder("account"), stage.forge)
    made.state.mkdir()
    with closing(made) as account, small_disk(account.state):
        assert account.kt("order", "buy", "005930", "3", "--market", "--wait").code == 0
        fill(account.state / "ballast")
        refuses(account, "the disk is full|No space left on device")
        halts(account)
        shutil.rmtree(account.state / "ballast")
        is_halted(account)
        goes_on(account)


@pytest.mark.parametrize(
    ("kilobytes", "side"), [(16, "buy"), (84, "sell"), (120, "buy"), (150, "sell"), (190, "buy")]
)
def test_a_disk_that_fills_up_during_an_order_loses_no_order(
    account: Account, side: str, kilobytes: int
) -> None:
    """Before the intent, after it, after the send: exit code 1 means no order, and the next start
    finds the others."""
    before = len(account.truth().orders)
    ran = account.kt("order", side, "005930", "1", "--market", **{FILE_SIZE: str(kilobytes * 1024)})
    sent = len(account.truth().orders) > before
    assert ran.code in ((0, 7) if sent else (1,)), ran.told()
    if ran.code == 7:
        assert "Do not send it again" in ran.err, ran.told()
    assert "unexpected error" not in ran.err
    goes_on(account)


# who may read it


@pytest.mark.parametrize("umask", ["000", "022", "000" + KEPT])
def test_every_file_is_readable_by_its_user_only(stage: Stage, umask: str) -> None:
    """Whatever the umask, and though kt would not set its own: made so, not mended after."""
    env = {UMASK: umask}
    with closing(Account(stage.house(), stage.new_folder("account"), stage.forge)) as account:
        config = account.folder / "made" / "here" / "config.yaml"
        assert account.kt("init", str(config), **env).code == 0
        day = account.start("run", **env)
        end = time.monotonic() + 30
        try:
            while "stream connected" not in day.said():
                assert time.monotonic() < end, day.said()
                time.sleep(0.02)
            assert account.kt("order", "buy", "005930", "1", "--market", **env).code == 0
            made = assert_private(account.state) | assert_private(config.parents[1])
        finally:
            day.signal(signal.SIGTERM)
            account.kept(day.wait())
        for argv in (("run", "--once"), ("halt",)):
            account.kt(*argv, **env)
        made |= assert_private(account.state)
    kinds = {re.sub(r"-[0-9a-f]{16}", "", name) for name in made}
    assert kinds >= {
        *("config.yaml", "here", "sim", "kt.db", "kt.db-wal", "kt.db-shm", "locks", "run.lock"),
        *("run.json", "stream.sock", "stream.lock", "stream.json", "token.json", "token.lock"),
        *(
            "pace-query.json",
            "pace-order.lock",
            "stocks.json",
            "stocks.lock",
            "halt.json",
            "halt.room",
        ),
    }


def assert_private(folder: Path) -> set[str]:
    """The names of everything there, none of it open to anybody else."""
    found = {path: path.lstat().st_mode for path in (folder, *folder.rglob("*"))}
    open_to_others = {str(path): oct(mode) for path, mode in found.items() if mode & 0o077}
    assert not open_to_others
    return {path.name for path in found}


# no handles


@pytest.mark.parametrize("argv", [BUY, ("run", "--once"), ("halt",), ("doctor",)])
def test_too_few_file_handles_give_a_clear_error(stage: Stage, argv: tuple[str, ...]) -> None:
    """However many are left: nothing is called a fault of kt's, or the folder's."""
    said = set()
    with closing(Account(stage.house(), stage.new_folder("account"), stage.forge)) as account:
        for handles in (4, 8, 12, 16, 20):
            ran = account.kt(*argv, **{FILES: str(handles)})
            assert not re.search("unexpected error|Traceback|ritable|may write", ran.err), (
                ran.told()
            )
            said.add((ran.code, "too many files open" in ran.err + ran.out))
    code = 0 if argv == ("halt",) else 1
    assert (code, True) in said, said
    assert argv != BUY or (1, False) not in said, said


# somebody else has it


def test_with_a_locked_database_orders_are_refused_and_halt_works(account: Account) -> None:
    with closing(sqlite3.connect(account.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        refuses(account, "another process has held it for too long", **{BUSY_SECONDS: "0.2"})
        halts(account, **{BUSY_SECONDS: "0.2"})
        other.execute("ROLLBACK")
    is_halted(account)
    goes_on(account)


# it is broken


def _no_header(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 1000)


def _holes(path: Path) -> None:
    """Every second page of the tables is gone."""
    with path.open("r+b") as file:
        for page in range(2, 60, 2):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)


def _half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("harm", [_no_header, _holes, _half], ids=lambda harm: harm.__name__[1:])
def test_with_a_damaged_database_orders_are_refused_and_halt_works(
    account: Account, harm: Callable[[Path], None]
) -> None:
    harm(account.database)
    refuses(account, "damaged")
    halts(account)
    aside = account.folder / "aside"
    aside.mkdir()
    for part in account.database.parent.glob("kt.db*"):
        shutil.move(part, aside)
    assert account.kt(*NOTHING_TO_DO).code == 2
    is_halted(account)
    held = account.rows("SELECT stock_code, quantity, source FROM positions")
    assert held == [{"stock_code": "005930", "quantity": 3, "source": "external"}]
    assert account.kt(*BUY).code == 0


# it cannot be written to


def test_a_state_folder_that_is_a_file_gives_a_clear_error(stage: Stage) -> None:
    with closing(Account(stage.house(), stage.new_folder("account"), stage.forge)) as account:
        account.state.mkdir()
        (account.state / "sim").write_text("in the way")
        for argv in (BUY, ("run", "--once"), ("halt",)):
            ran = account.kt(*argv)
            assert (ran.code, "File exists" in ran.err) == (1, True), ran.told()
        assert account.truth().orders == ()
        assert account.kt("doctor").code == 1


def test_with_a_read_only_state_folder_orders_are_refused(account: Account) -> None:
    """As another user where the test is root, whom no permission stops."""
    env = {USER: NOBODY} if os.geteuid() == 0 else {}
    if env and not (_open_to_all(Path(sys.prefix)) and _open_to_all(Path(__file__))):
        pytest.skip("kt is installed where no other user may read it")
    account.folder.chmod(0o777)
    folders = [account.state, *(path for path in account.state.rglob("*") if path.is_dir())]
    try:
        for path in account.state.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        account.state.chmod(0o555)
        _refuses_read_only(account, env)
    finally:
        for path in folders:
            path.chmod(0o700)
        for path in account.state.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
    goes_on(account)


def _open_to_all(path: Path) -> bool:
    """Whether any user may come as far as this."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents) if folder.is_dir())


def _refuses_read_only(account: Account, env: dict[str, str]) -> None:
    before = len(account.truth().orders)

    def says(ran: Ran) -> bool:
        return bool(re.search(READ_ONLY, ran.err)) and "unexpected error" not in ran.err

    for argv in (BUY, ("run", "--once"), ("halt",)):
        ran = account.kt(*argv, **env)
        assert ran.code == 1 and says(ran), ran.told()
    doctor = account.kt("doctor", **env)
    assert doctor.code == 1
    assert re.search(READ_ONLY, doctor.out)
    assert len(account.truth().orders) == before


# the clock


@pytest.mark.parametrize("off", [-60.0, 60.0], ids=["behind", "ahead"])
def test_after_a_jump_of_the_machines_clock_nothing_is_sent(account: Account, off: float) -> None:
    """By a minute of this machine's: many of the exchange's, whose clock runs faster."""
    env = {CLOCK_OFF: str(off)}
    where = "behind" if off < 0 else "ahead of"
    before = len(account.truth().orders)
    for argv in (BUY, ("run", "--once"), ("order", "list")):
        ran = account.kt(*argv, **env)
        assert ran.code == 1, ran.told()
        assert f"s {where} the broker's: nothing is sent" in ran.err, ran.told()
    assert len(account.truth().orders) == before
    doctor = account.kt("doctor", **env)
    assert doctor.code == 1
    assert '"name":"clock","status":"fail"' in doctor.out
    assert where.split(maxsplit=1)[0] in doctor.out
    goes_on(account)
