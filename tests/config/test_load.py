"""Configuration: file, environment and flags, and every way to get it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt.config.load import build_config, load_config
from kt.config.model import Config
from kt.errors import ConfigError, ExitCode


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))


def test_no_file_gives_the_defaults() -> None:
    config = load_config(environ={})
    assert config == Config()
    assert config.server.live
    assert not config.profiles["real"].live


def test_values_stay_what_was_written(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "scan:\n  exclude: [000660, 035720]\nsession:\n  last_buy: 15:10\n"
        "limits:\n  per_stock: 2000000\nexits:\n  ask_before_profit: true\n",
    )
    config = load_config(path, environ={})
    assert config.scan.exclude == ("000660", "035720")
    assert config.session.last_buy == "15:10"
    assert config.limits.per_stock == 2_000_000
    assert config.exits.ask_before_profit is True


def test_flags_beat_environment_and_environment_beats_file(tmp_path: Path) -> None:
    path = write(tmp_path, "profile: mock\nlanguage: ko\n")
    assert load_config(path, environ={}).profile == "mock"
    assert load_config(path, environ={"KT_PROFILE": "real"}).profile == "real"
    config = load_config(path, environ={"KT_PROFILE": "real"}, overrides={"profile": "sim"})
    assert config.profile == "sim"
    assert config.language == "ko"


def test_the_file_is_found_by_name_then_here_then_at_home(tmp_path: Path) -> None:
    home = tmp_path / "xdg" / "kt"
    home.mkdir(parents=True)
    write(home, "language: ko\n")
    assert load_config(environ={}).language == "ko"
    write(tmp_path, "profile: mock\n")
    assert load_config(environ={}).profile == "mock"
    named = tmp_path / "other.yaml"
    named.write_text("profile: real\n")
    assert load_config(environ={"KT_CONFIG": str(named)}).profile == "real"


def test_addresses_come_from_the_environment_for_the_profile_in_use() -> None:
    config = build_config({}, {"KT_PROFILE": "mock", "KT_BASE_URL": "http://127.0.0.1:1"}, {})
    assert config.server.base_url == "http://127.0.0.1:1"
    assert config.profiles["real"].base_url == "https://api.kiwoom.com"


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("limitz: {}\n", "no key 'limitz'", "'limits'"),
        ("limits:\n  per_stok: 1\n", "no key 'per_stok'", "'per_stock'"),
        ("limits:\n  per_stock: many\n", "limits.per_stock: expected", "Correct"),
        ("limits:\n  per_stock: 0\n", "limits.per_stock: expected", "Correct"),
        ("limits:\n  per_stock: 9000000\n", "is above", "Lower"),
        ("session:\n  last_buy: 25:00\n", "session.last_buy", "Correct"),
        ("session:\n  last_buy: 08:00\n", "follow one another", "start"),
        ("scan:\n  ai_keep: 30\n", "at most what the one before", "fast_keep"),
        ("profile: paper\n", "profile: invalid enum value", "Correct"),
        ("profiles:\n  papr: {}\n", "no key 'papr'", "sim"),
        ("profiles:\n  real:\n    liv: true\n", "no key 'liv'", "'live'"),
        ("- a\n- b\n", "holds no keys", "example"),
        ("a: [\n", "is not YAML", "line"),
        ("limits: 5\n", "expected keys", "configuration"),
    ],
)
def test_every_mistake_is_named(tmp_path: Path, text: str, says: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), environ={})
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(tmp_path / "none.yaml", environ={})


def test_an_empty_file_and_empty_sections_mean_defaults(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, ""), environ={}) == Config()
    assert load_config(write(tmp_path, "limits:\nprofiles:\n  mock:\n"), environ={}) == Config()
