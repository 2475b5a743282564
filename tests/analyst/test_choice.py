"""The configuration selects the analyst; on `real` it must do so explicitly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kt.analyst.choice import Channels, choose, price_of
from kt.config.model import AnalystConfig, Config
from kt.errors import ConfigError
from kt.records import AnalystCall
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
    assert chosen.model == ("gemini-x" if name == "gemini" else "rules-2")


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


def test_a_panel_of_analysts_can_be_chosen() -> None:
    entries = ("gemini", "openai:meta/llama-3:free@http://127.0.0.1:8000/v1", "rules")
    made = chosen(KEY, panel=entries, fallback="rules")
    assert made.name == "panel"
    assert made.model == "gemini:gemini-flash-latest+openai:meta/llama-3:free+rules:rules-2"
    assert made.fallback.name == "rules"


def test_the_members_of_a_kind_take_the_settings_of_that_kind() -> None:
    own = {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1", "key_name": "MINE"}
    made = chosen({"MINE": "k", **KEY}, panel=("openai", "openai:other", "gemini"), **own)
    assert made.model == "openai:m+openai:other+gemini:gemini-flash-latest"


@pytest.mark.parametrize(
    ("environ", "panel", "words"),
    [
        (KEY, ("gemini",), "at least two"),
        (KEY, ("gemini", "gemini:gemini-flash-latest"), "a model of its own"),
        (KEY, ("rules", "openai:m"), "there is no key"),
        ({"OPENAI_API_KEY": "k"}, ("rules", "openai"), "no model is named"),
    ],
)
def test_a_panel_that_cannot_vote_is_refused(
    environ: dict[str, str], panel: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        chosen(environ, panel=panel)


def test_a_shadow_needs_its_key_too_and_does_not_answer() -> None:
    made = chosen(KEY, kind="rules", shadow="gemini:g")
    assert (made.name, made.model, made.fallback) == ("rules", "rules-2", None)
    with pytest.raises(ConfigError, match="there is no key"):
        chosen({}, kind="rules", shadow="gemini")


def test_the_budget_is_shared_evenly_and_each_spends_its_own() -> None:
    def call(model: str, cost: float) -> AnalystCall:
        return AnalystCall(
            asked_at=CLOCK.now(),
            purpose="decide",
            analyst="gemini",
            model=model,
            asked_model=model,
            tokens_in=0,
            tokens_out=0,
            cost_usd=cost,
            error="",
        )

    spent = [call("a", 0.4), call("b", 0.2)]
    settings = AnalystConfig(kind="gemini", panel=("gemini:a", "gemini:b"), budget_usd=0.6)
    whole = replace(Config(profile="sim"), analyst=settings)
    made = choose(whole, KEY, CLOCK, channels=Channels(calls=lambda since: spent))
    first, second = made._members.values()  # type: ignore[attr-defined]
    assert first._withheld_because() == "budget: $0.4000 of $0.3000 a day (analyst.budget_usd)"
    assert second._withheld_because() == ""
