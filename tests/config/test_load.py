"""Configuration: file, environment and flags, and every way to get it wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect

from kt.cli.docs.keys import sections
from kt.config.load import RENAMED, build_config, load_config, state_folder
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


def test_without_a_file_the_configuration_is_the_default() -> None:
    config = load_config(environ={})
    assert config == Config()
    assert config.server.live
    assert not config.profiles["real"].live


def test_values_are_read_as_written_not_by_yaml_types(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "scan:\n  exclude: [000660, 035720]\nsession:\n  last_buy: 15:10\n"
        "limits:\n  per_stock: 2000000\nquestions:\n  profit:\n    ask: false\n",
    )
    config = load_config(path, environ={})
    assert config.scan.exclude == ("000660", "035720")
    assert config.session.last_buy == "15:10"
    assert config.limits.per_stock == 2_000_000
    assert config.questions.profit.ask is False


def test_flags_beat_environment_and_environment_beats_file(tmp_path: Path) -> None:
    path = write(tmp_path, "profile: mock\nlanguage: ko\n")
    assert load_config(path, environ={}).profile == "mock"
    assert load_config(path, environ={"KT_PROFILE": "real"}).profile == "real"
    config = load_config(path, environ={"KT_PROFILE": "real"}, overrides={"profile": "sim"})
    assert config.profile == "sim"
    assert config.language == "ko"


def test_the_file_is_searched_by_name_then_here_then_in_the_users_folder(tmp_path: Path) -> None:
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
def test_every_mistake_names_its_key_and_fix(
    tmp_path: Path, text: str, says: str, hint: str
) -> None:
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


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
SECRET = "Pxz9appkeyofthirtyormorecharacterslongHj7k"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "line 1: aliases"),
        ("limits: &x\n  per_stock: 1\n", "line 1: aliases"),
        ("limits:\n  per_stock: 100000\n  total: 5\n  per_stock: 4000000\n",
         "line 4: the key 'per_stock' occurs twice (first in line 2)"),
        ("profile: sim\nprofile: real\n", "line 2: the key 'profile' occurs twice"),
        ("limits: {per_stock: 1, per_stock: 2}\n", "'per_stock' occurs twice"),
        ("a: " + "[" * 3_000 + "]" * 3_000, "more than 8 levels"),
        ("".join(f"{' ' * n}a:\n" for n in range(300)), "more than 8 levels"),
        ("#" * 300_000, "larger than 256 KiB"),
        (f"state_dir: {'x' * 5_000}\n", "line 1: a text of 5,000 characters"),
        ('state_dir: "a\\0b"\n', "line 1: a text with characters that do not show"),
        ('state_dir: "\\ud800"\n', "line 1: a text with characters that do not show"),
        ('state_dir: "\\x1b[2J"\n', "line 1: a text with characters that do not show"),
        ('state_dir: "\\UFFFFFFFF"\n', "is not YAML"),
        (f"%YAML {'1' * 5_000}.1\n---\na: 1\n", "is not YAML"),
        ("profiles: 5\n", "profiles: expected keys"),
        ("profiles: [a]\n", "profiles: expected keys"),
        ("profiles:\n  sim: x\n", "profiles.sim: expected keys, got a text"),
        ("? [a, b]\n: c\n", "is not YAML"),
        ("limits:\n  per_stock: 1e15\n", "limits.per_stock: expected int <= 10000000000000"),
        (f"limits:\n  per_stock: {'9' * 4_000}\n", "per_stock: expected int <= 10000000000000"),
        ("limits:\n  positions: 1e9\n", "limits.positions: expected int <= 100000"),
        ("limits:\n  per_stock: １０００\n", "limits.per_stock: expected int"),
        ("cycle:\n  fill_wait: inf\n", "cycle.fill_wait: expected float <= 604800"),
        ("cycle:\n  fill_wait: nan\n", "cycle.fill_wait: expected float"),
        ("analyst:\n  horizon_minutes: 1e30\n", "analyst.horizon_minutes"),
        ("scan:\n  exclude: ['5930']\n", "scan.exclude[0]: expected str matching"),
    ],
)  # fmt: skip
def test_an_invalid_value_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), environ={})
    assert says in caught.value.message
    assert len(caught.value.message) < 400


def numbers() -> list[tuple[str, str]]:
    """Every key that is a number, as (section, name)."""
    found = []
    for part in inspect.type_info(Config).fields:  # type: ignore[attr-defined]
        for field in getattr(part.type, "fields", ()):
            if isinstance(field.type, inspect.IntType | inspect.FloatType):
                found.append((part.name, field.name))
    return found


@pytest.mark.parametrize(("section", "name"), numbers())
@pytest.mark.parametrize("value", ["1e14", "-1", "1e300", "inf", "nan"])
def test_every_number_has_its_bounds(section: str, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{section}.{name}: "):
        build_config({section: {name: value}}, {}, {})


@pytest.mark.parametrize(
    "text",
    [
        "app_key: {}\n",
        "profiles:\n  real:\n    app_key: {}\n",
        "profiles:\n  real: {}\n",
        "profiles: {}\n",
        "{}: x\n",
        "{}\n",
        "limits:\n  per_stock: {}\n",
        "profile: {}\n",
        "app_key: [{}\n",
        "app_key: '{}\n",
        "app_key: {}: x\n",
        "secret_key: &{} x\n",
        "secret_key: *{}\n",
        "secret_key: !{} x\n",
        "session:\n  open: {}\n",
        "analyst:\n  kind: {}\n",
        "scan:\n  exclude: [{}]\n",
        "limits: [{}]\n",
    ],
)
def test_a_secret_in_the_file_is_never_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text.format(SECRET)), environ={})
    assert SECRET[:12] not in f"{caught.value.message} {caught.value.hint}"


def test_a_secret_key_in_the_file_is_refused_with_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, f"app_key: {SECRET}\n"), environ={})
    assert "do not belong in this file" in (caught.value.hint or "")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"limits:\n  per_stock: \xff\n")
    with pytest.raises(ConfigError, match=r"is not UTF-8 \(byte 21\)"):
        load_config(environ={})


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "~nobody-of-this-name/x.yaml"])
def test_an_invalid_path_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no"):
        load_config(name, environ={})


@pytest.mark.parametrize("name", ["KT_PROFILE", "KT_STATE_DIR", "KT_APP_KEY", "KT_BASE_URL"])
@pytest.mark.parametrize("value", ["\ud800", "a\x1b[2J", "\u202e", "x" * 5_000])
def test_the_environment_is_checked_like_the_file(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} has an invalid value$"):
        load_config(environ={name: value})


@pytest.mark.parametrize("state_dir", ["", "state"])
def test_a_state_folder_whose_name_is_no_utf8_is_refused(
    state_dir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own folder, and one that is named below such a working folder."""
    place = tmp_path / "half \udcff"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
    config = load_config(environ={"KT_STATE_DIR": state_dir})
    with pytest.raises(ConfigError, match=r"not UTF-8: .*half \\udcff"):
        state_folder(config)


def test_an_error_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KT_PROFILE: profile: invalid enum value"):
        load_config(write(tmp_path, ""), environ={"KT_PROFILE": "paper"})


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"scan": {"sources": ["value"], "weights": {"value": 0}}}, "nothing counts in a score"),
        (
            {
                "scan": {
                    "weights": dict.fromkeys(
                        ("fast_scan", "strength", "book", "foreign", "institution", "brokers"), 0
                    )
                }
            },
            "nothing counts in a score",
        ),
        ({"scan": {"sources": ["value", "value"]}}, "a source is named twice"),
        ({"scan": {"sources": []}}, "scan.sources: expected `?array"),
        ({"scan": {"sources": ["turnover"]}}, "scan.sources"),
        ({"scan": {"sources": ["condition: "]}}, "scan.sources"),
        ({"analyst": {"panel": ["gpt"]}}, "analyst.panel"),
        ({"analyst": {"panel": ["openai:m@http://far.example/v1"]}}, "panel.0.: http:// is not"),
        ({"analyst": {"shadow": "openai:m@http://far.example/v1"}}, "shadow: http:// is not"),
    ],
)
def test_scans_and_panels_that_cannot_be_are_refused(section: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build_config(section, {}, {})


def test_a_source_may_be_a_condition_search_of_any_name() -> None:
    found = build_config({"scan": {"sources": ["condition:거래량 급증 2"]}}, {}, {})
    assert found.scan.sources == ("condition:거래량 급증 2",)


def test_a_renamed_key_names_its_successor() -> None:
    keys = {key.path for section in sections() for key in section.keys}
    for old, new in RENAMED.items():
        assert new in keys and old not in keys
        nested: dict[str, Any] = {}
        place = nested
        *parents, name = old.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = "true"
        with pytest.raises(ConfigError, match=f"the key {old} is now {new}"):
            build_config(nested, {}, {})
