"""kt init: what it asks and writes, what it keeps secret, and that it can be ended anywhere."""

from __future__ import annotations

import os
import re
import stat
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from kt.app import App
from kt.cli.docs.example import example_config
from kt.config.load import load_config
from kt.config.model import Config
from kt.config.secrets import analyst_key, app_keys
from kt.errors import ExitCode, Unreachable
from tests.cli.front import Front, Ran
from tests.cli.terminal import Terminal
from tests.serving import serve

KEY, SECRET, GEMINI = "APP-KEY-0123456789", "SECRET-KEY-9876543210", "GEMINI-KEY-abcdef"


@pytest.fixture
def new(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    """A front without a configuration, and without a keyring."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    front.environ["KT_CONFIG"] = str(tmp_path / "new" / "config.yaml")
    front.rest.answers["ka00001"] = [{"return_code": 0}]
    return front


def target(front: Front) -> Path:
    return Path(front.environ["KT_CONFIG"])


def config_of(front: Front) -> Config:
    return load_config(target(front), {})


def answers(front: Front, *lines: str, more: tuple[str, ...] = ()) -> Ran:
    """kt init on a terminal, with these answers."""
    return front("init", *more, stdin="".join(f"{line}\n" for line in lines), terminal=True)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def key_file(front: Front, *lines: str, name: str = "given.txt") -> str:
    path = front.folder / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_init_writes_the_example_once(new: Front) -> None:
    ran = new("init")
    assert (ran.code, ran.out) == (0, f"{target(new)}\n")
    assert target(new).read_text(encoding="utf-8") == example_config()
    assert config_of(new) == Config() and mode(target(new)) == 0o600
    assert "kt: connected to the server of sim; the keys are accepted\n" in ran.err
    again = new("init")
    assert again.code == ExitCode.USAGE and "already exists; nothing was changed" in again.err


def test_init_reports_a_path_it_cannot_write(front: Front, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = front("init", str(tmp_path / "file" / "config.yaml"))
    assert ran.code == ExitCode.ERROR and "cannot be written" in ran.err


def test_a_file_that_is_there_keeps_its_values_and_its_old_self(new: Front) -> None:
    target(new).parent.mkdir()
    old = "# mine\nlimits:\n  per_stock: 300000\nnotify: {command: 'tell \"me\"'}\n"
    target(new).write_text(old)
    target(new).chmod(0o640)
    assert new("init", "--force", "-q").code == 0
    assert config_of(new).limits.per_stock == 300_000
    assert config_of(new).notify.command == 'tell "me"'
    assert "  per_stock: 300000  # default: 1000000\n" in target(new).read_text()
    backup = target(new).with_name("config.yaml.bak")
    assert (backup.read_text(), mode(backup), mode(target(new))) == (old, 0o600, 0o640)
    assert new("init", "--yes", "-q").code == 0, "the same again"
    assert sorted(path.name for path in target(new).parent.iterdir()) == [
        "config.yaml",
        "config.yaml.bak",
    ]
    assert new("init", "--yes", "--notify", "cat", "-q").code == 0
    assert target(new).with_name("config.yaml.bak2").exists()


def test_an_invalid_file_is_refused_unless_it_is_begun_anew(new: Front) -> None:
    target(new).parent.mkdir()
    target(new).write_text("limts: {}\n")
    ran = new("init", "--yes")
    assert ran.code == ExitCode.USAGE
    assert "no key 'limts'" in ran.err and "`kt init --force`" in ran.err
    assert new("init", "--force").code == 0
    assert config_of(new) == Config()
    assert target(new).with_name("config.yaml.bak").read_text() == "limts: {}\n"


@pytest.mark.parametrize("person", [False, True], ids=["pipe", "--yes"])
def test_what_is_missing_is_named_and_nothing_is_written(new: Front, person: bool) -> None:
    more = ("--yes",) if person else ()
    ran = new("init", "--profile", "real", *more, terminal=person, stdin="y\n" * 9)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert " ".join(ran.err.split()) == (
        "kt: not enough is given to set up real, nothing was written; missing: the broker's keys "
        "(--key-file FILE, or KT_APP_KEY and KT_SECRET_KEY); who decides over real money "
        "(--analyst gemini or --analyst rules). On a terminal `kt init` asks for it."
    )
    assert not target(new).parent.exists()
    ran = new("init", "--profile", "mock", "--analyst", "gemini")
    assert "missing: the broker's keys" in ran.err and "; Gemini's key (" in ran.err


@pytest.mark.parametrize("way", ["one file", "two files", "stdin", "environment"])
def test_keys_by_options_are_kept_in_a_private_file(new: Front, way: str) -> None:
    given: tuple[str, ...] = ("--store", "file")
    stdin = ""
    if way == "one file":
        given += ("--key-file", key_file(new, f" {KEY}\r", SECRET))
    elif way == "two files":
        given += ("--key-file", key_file(new, KEY, name="a"))
        given += ("--key-file", key_file(new, SECRET, name="b"))
    elif way == "stdin":
        given, stdin = (*given, "--key-file", "-"), f"\ufeff{KEY}\n{SECRET}"
    else:
        new.environ |= {"KT_APP_KEY": KEY, "KT_SECRET_KEY": SECRET}
    ran = new("init", "--profile", "mock", *given, stdin=stdin)
    assert ran.code == 0, ran.err
    assert KEY not in ran.out + ran.err and SECRET not in ran.out + ran.err
    kept = target(new).with_name("mock.keys")
    assert mode(kept) == 0o600 and KEY not in target(new).read_text()
    config = config_of(new)
    assert (config.profile, config.server.key_file) == ("mock", str(kept))
    found = app_keys(config, {})
    assert (found.app_key, found.secret_key) == (KEY, SECRET)


def test_keys_of_the_environment_stay_there_unless_they_are_to_be_kept(new: Front) -> None:
    new.environ |= {"KT_APP_KEY": KEY, "KT_SECRET_KEY": SECRET, "GEMINI_API_KEY": GEMINI}
    assert new("init", "--profile", "mock", "--analyst", "gemini").code == 0
    assert [path.name for path in target(new).parent.iterdir()] == ["config.yaml"]
    assert new("init", "--profile", "mock", "--store", "file", "--yes").code == 0
    assert mode(target(new).with_name("gemini.key")) == 0o600
    config = config_of(new)
    assert analyst_key(config, {}, "gemini", "GEMINI_API_KEY") == GEMINI
    assert analyst_key(config, {}, "openai", "OPENAI_API_KEY") == ""
    assert analyst_key(config, {"GEMINI_API_KEY": "x"}, "gemini", "GEMINI_API_KEY") == "x"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((KEY,), "--key-file must hold two lines"),
        ((KEY, SECRET, "x"), "--key-file must hold two lines"),
        ((KEY, "비밀"), "--key-file holds characters that no key has"),
        ((KEY, f"{SECRET}\u200b"), "--key-file must hold two lines"),
    ],
)
def test_an_unusable_key_file_is_refused(new: Front, lines: tuple[str, ...], said: str) -> None:
    ran = new("init", "--profile", "mock", "--key-file", key_file(new, *lines))
    assert ran.code == ExitCode.USAGE and said in ran.err and SECRET not in ran.err
    assert not target(new).exists()


def test_a_key_file_that_is_not_there_is_refused(new: Front) -> None:
    ran = new("init", "--key-file", str(new.folder / "no"))
    assert ran.code == ExitCode.USAGE and "there is no key file" in ran.err
    ran = new("init", "--key-file", "-", "--gemini-key-file", "-")
    assert ran.code == ExitCode.USAGE and "stdin holds the keys of one file" in ran.err


class Keyring(types.ModuleType):
    """A keyring of the system, in memory."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}
        self.errors = types.ModuleType("keyring.errors")
        self.errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
        self.locked = False

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        if self.locked:
            raise self.errors.KeyringError
        self.kept[service, name] = value


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch, new: Front) -> Keyring:
    made = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", made)
    monkeypatch.setitem(sys.modules, "keyring.errors", made.errors)
    return made


def test_keys_go_into_the_keyring_where_there_is_one(new: Front, keyring: Keyring) -> None:
    ran = answers(new, "mock", KEY, SECRET, GEMINI, "", "y")
    assert ran.code == 0, ran.err
    assert keyring.kept == {
        ("kt-mock", "app_key"): KEY,
        ("kt-mock", "secret_key"): SECRET,
        ("kt-analyst", "gemini"): GEMINI,
    }
    assert [path.name for path in target(new).parent.iterdir()] == ["config.yaml"]
    config = config_of(new)
    assert app_keys(config, {}).source == "keyring"
    assert analyst_key(config, {}, "gemini", "GEMINI_API_KEY") == GEMINI
    keyring.locked = True
    given = ("--yes", "--key-file", key_file(new, "other-key", "other-secret"))
    ran = new("init", "--store", "keyring", *given)
    assert ran.code == ExitCode.ERROR and "no system keyring that can be used" in ran.err
    assert new("init", *given).code == 0
    assert app_keys(config_of(new), {}).app_key == "other-key"
    keyring.locked = False
    assert new("init", *given).code == 0, "back into the keyring, which the file no longer hides"
    assert config_of(new).server.key_file == ""


def test_the_questions_of_mock(new: Front) -> None:
    ran = answers(
        new, "moon", "MOCK", "한글", f" {KEY} ", SECRET, "", "http://example.com", "cat", "y"
    )
    assert ran.code == 0, ran.err
    assert "'moon' is none of them. Answer sim, mock or real." in ran.err
    assert "what was typed holds characters that no key has" in ran.err
    assert "https://openapi.kiwoom.com" in ran.err and "https://aistudio.google.com" in ran.err
    assert "notify.webhook" in ran.err, "an address without encryption is asked for again"
    assert KEY not in ran.out + ran.err and SECRET not in ran.out + ran.err
    config = config_of(new)
    assert (config.profile, config.notify.command) == ("mock", "cat")
    assert app_keys(config, {}).secret_key == SECRET
    assert "kt: a test notice was sent: see whether it has arrived\n" in ran.err


def test_the_questions_of_real_leave_orders_off_and_the_profile_named(new: Front) -> None:
    ran = answers(new, "real", KEY, SECRET, GEMINI, "", "", "예")
    assert ran.code == 0, ran.err
    config = config_of(new)
    assert config.profile == "sim" and not config.profiles["real"].live
    assert config.analyst.kind == "gemini"
    assert app_keys(load_config(target(new), {}, {"profile": "real"}), {}).app_key == KEY
    assert "kt doctor --profile real" in ran.err
    new.environ["KT_CONFIG"] += "2"
    ran = answers(new, "real", KEY, SECRET, "", "", "y")
    assert config_of(new).analyst.kind == "rules"
    assert "without Gemini's key the offline rules decide" in ran.err


def test_keys_may_come_later(new: Front) -> None:
    ran = answers(new, "mock", "", "", "", "y")
    assert ran.code == 0 and "without keys the connection is not tested" in ran.err
    again = answers(new, "", KEY, SECRET, "", "", "y")
    assert answers(new, "", "", "", "", "y").code == 0, "Enter keeps the keys that there are"
    assert again.code == 0 and app_keys(config_of(new), {}).app_key == KEY
    assert "its values stay, and the old file is kept as .bak" in again.err


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ((), ExitCode.USAGE, "the answers have ended; nothing was written"),
        (("mock", KEY), ExitCode.USAGE, "the answers have ended; nothing was written"),
        (("a", "b", "c"), ExitCode.USAGE, "no answer that can be used; nothing was written"),
        (("", "", ""), ExitCode.DENIED, "not confirmed; nothing was written"),
        (("mock", KEY, SECRET, "", "", ""), ExitCode.DENIED, "not confirmed; nothing was written"),
    ],
)
def test_without_a_yes_nothing_is_written(
    new: Front, lines: tuple[str, ...], code: int, said: str
) -> None:
    ran = answers(new, *lines)
    assert ran.code == code and said in ran.err
    assert not target(new).parent.exists()


def test_a_failed_test_says_what_was_kept(new: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def token() -> str:
        raise Unreachable("connect error", hint="Check the network.")

    monkeypatch.setattr(new.tokens, "token", token)
    ran = new("init", "--notify", "false")
    assert ran.code == ExitCode.UNREACHABLE
    first, second = ran.err.splitlines()[-2:]
    assert "the test notice failed: command false: it ended with 1." in first
    assert "the configuration is written, but the connection failed: connect error." in second
    assert config_of(new).notify.command == "false"
    assert new("init", "--yes", "--no-test").code == 0


def real_app(cli: Any) -> App:
    return App(cli.config, cli.environ, cli.tell)


def test_wrong_keys_are_found_at_once(new: Front) -> None:
    """The broker's own answer (8001), from the exchange."""
    with serve(app_key=KEY, secret_key=SECRET) as served:
        new.environ |= {"KT_BASE_URL": served.base_url, "KT_WS_URL": served.ws_url}
        good = ("--key-file", key_file(new, KEY, SECRET))
        bad = ("--key-file", key_file(new, KEY, "no-secret", name="bad"))
        ran = new("init", "--profile", "mock", *bad, build_app=real_app)
        assert ran.code == ExitCode.AUTH, ran.err
        assert "the connection failed" in ran.err
        ran = new("init", "--profile", "mock", "--yes", *good, build_app=real_app)
        assert ran.code == 0, ran.err
        assert "connected to the server of mock; the keys are accepted" in ran.err


def test_it_says_when_another_file_is_read(new: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(new.folder)
    del new.environ["KT_CONFIG"]
    ran = new("init", "elsewhere.yaml")
    assert f"commands here read {Path('config.yaml')}, not this one" in ran.err


PROMPTS = ("Where?", "App Key (", "Secret Key:", "Gemini's key (", "Channel (", "Write this?")
TYPED = ("mock", KEY, SECRET, GEMINI, "", "y")


@pytest.mark.parametrize("ending", ["\x03", "\x04", "kill"], ids=["Ctrl-C", "Ctrl-D", "killed"])
@pytest.mark.parametrize("at", range(len(PROMPTS)), ids=PROMPTS)
def test_it_may_end_at_every_question(tmp_path: Path, at: int, ending: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {"HOME": str(home), "PYTHONPATH": str(Path.cwd()), "TERM": "xterm"}
    asked = Terminal([sys.executable, "-m", "kt", "init"], environ)
    shown = ""
    for prompt, typed in list(zip(PROMPTS, TYPED, strict=True))[:at]:
        shown += asked.until(prompt)
        asked.keys(f"{typed}\n")
    shown += asked.until(PROMPTS[at])
    if ending == "kill":
        os.kill(asked.pid, 9)
    else:
        asked.keys(ending)
    shown += asked.rest()
    assert asked.echoes or ending == "kill"
    code = asked.close()
    assert KEY not in shown and SECRET not in shown and GEMINI not in shown
    assert code == {"\x03": 130, "kill": -9}.get(ending, 5 if at == 5 else 2), shown
    assert "Traceback" not in shown
    assert not any(home.rglob("*.keys")) and not any(home.rglob("config.yaml"))


def test_afterwards_the_doctor_is_all_green_on_sim(tmp_path: Path) -> None:
    """The whole way of a new user, in an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    environ = {"HOME": str(home), "PYTHONPATH": str(Path.cwd()), "TERM": "xterm"}
    program = [sys.executable, "-m", "kt"]
    asked = Terminal([*program, "init"], environ)
    for prompt, typed in (("Where?", ""), ("Gemini", ""), ("Channel", ""), ("Write this?", "y")):
        asked.until(prompt)
        asked.keys(f"{typed}\n")
    shown = asked.rest()
    assert asked.close() == 0, shown
    try:
        looked = Terminal([*program, "doctor", "-o", "json"], environ)
        shown = looked.rest()
        assert looked.close() == 0, shown
        found = re.findall(r'"status": "(\w+)"', shown)
        assert len(found) > 20 and set(found) == {"ok"}, shown
    finally:
        Terminal([*program, "sim", "stop"], environ).rest()
