"""The configuration selects the analyst; on `real` it must do so explicitly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kt.analyst.choice import choose, price_of
from kt.config.model import AnalystConfig, Config
from kt.errors import ConfigError
from tests.analyst.make import CLOCK
from tests.analyst.test_replay import Kept

ROOT = Path(__file__).resolve().parents[2]
KEY = {"GEMINI_API_KEY": "AIza-a-key"}


def config(profile: str, kind: str) -> Config:
    whole: Any = Config(profile=profile)  # type: ignore[arg-type]
    return replace(whole, analyst=AnalystConfig(kind=kind, model="gemini-x"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("profile", "kind", "environ", "name"),
    [
        ("sim", "auto", {}, "rules"),
        ("sim", "auto", {"GEMINI_API_KEY": "  "}, "rules"),
        ("sim", "auto", KEY, "gemini"),
        ("mock", "auto", {}, "rules"),
        ("mock", "auto", KEY, "gemini"),
        ("sim", "rules", KEY, "rules"),
        ("real", "rules", KEY, "rules"),
        ("real", "gemini", KEY, "gemini"),
    ],
)
def test_the_configuration_selects_the_analyst(
    profile: str, kind: str, environ: dict[str, str], name: str
) -> None:
    chosen = choose(config(profile, kind), environ, CLOCK)
    assert chosen.name == name
    assert chosen.model == ("gemini-x" if name == "gemini" else "rules-1")


@pytest.mark.parametrize(
    ("profile", "kind", "environ", "words", "hint"),
    [
        ("real", "auto", {}, "must be chosen", "set analyst.kind"),
        ("real", "auto", KEY, "must be chosen", "set analyst.kind"),
        ("sim", "gemini", {}, "no key", "GEMINI_API_KEY"),
        ("real", "gemini", {}, "no key", "GEMINI_API_KEY"),
    ],
)
def test_a_choice_without_its_key_or_on_real_is_refused(
    profile: str, kind: str, environ: dict[str, str], words: str, hint: str
) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        choose(config(profile, kind), environ, CLOCK)
    assert hint in str(refused.value.hint)


def test_a_replay_needs_no_key() -> None:
    chosen = choose(config("sim", "gemini"), {}, CLOCK, replay=Kept())
    assert (chosen.name, chosen.model) == ("gemini", "gemini-x")


def test_choosing_does_not_import_googles_library() -> None:
    code = (
        "import sys; from kt.analyst.choice import choose; from kt.config.model import Config;"
        "from kt.clock import SystemClock;"
        "choose(Config(), {'GEMINI_API_KEY': 'x'}, SystemClock());"
        "print([name for name in sys.modules if name.startswith(('google.', 'requests'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def chosen(environ: dict[str, str], **keys: Any) -> Any:
    whole: Any = Config(profile="sim")
    return choose(replace(whole, analyst=AnalystConfig(**keys)), environ, CLOCK)


def test_an_openai_compatible_server_can_be_chosen() -> None:
    made = chosen({"OPENAI_API_KEY": "sk-1"}, kind="openai", model="gpt-x")
    assert (made.name, made.model) == ("openai", "gpt-x")
    local = chosen({}, kind="openai", model="qwen3", base_url="http://127.0.0.1:11434/v1")
    assert local.model == "qwen3"
    named = chosen({"ROUTER": "r-1"}, kind="openai", model="m", key_name="ROUTER")
    assert named.name == "openai"


@pytest.mark.parametrize(
    ("environ", "keys", "words"),
    [
        ({}, {"kind": "openai", "model": "m"}, "there is no key"),
        ({"OPENAI_API_KEY": "k"}, {"kind": "openai"}, "no model is named"),
        ({"GEMINI_API_KEY": "k"}, {"kind": "gemini", "key_name": "MINE"}, "there is no key"),
    ],
)
def test_a_missing_setting_is_named(environ: dict[str, str], keys: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        chosen(environ, **keys)


def test_without_a_model_googles_alias_for_its_newest_is_used() -> None:
    assert chosen(KEY, kind="gemini").model == "gemini-flash-latest"


@pytest.mark.parametrize(
    ("answered", "price"),
    [
        ("gemini-3-pro-002", (2.0, 12.0)),
        ("gemini-3-flash", (0.5, 3.0)),
        ("gemini-2.5-flash", (0.3, 2.5)),
    ],
)
def test_the_price_is_that_of_the_model_that_answered(
    answered: str, price: tuple[float, float]
) -> None:
    prices = ("gemini-3 0.5 3", "gemini-3-pro 2.0 12.0")
    assert price_of(prices, (0.3, 2.5), answered) == price
