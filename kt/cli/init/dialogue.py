"""The questions of kt init on a terminal, each with where its answer comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from kt.cli.init.answers import OPTIONS, Answers, channel_keys, given_keys, keys_from
from kt.cli.init.files import secrets_of
from kt.config.model import DEFAULT_PROFILES
from kt.errors import ConfigError, Denied, UsageError
from kt.text import visible
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.init.existing import Existing
    from kt.cli.support.cli_context import CliContext

T = TypeVar("T")
LATER = "App Key (Enter: later):"
TRIES = 3
"""How often a question is asked before kt gives up."""

INTRODUCTION = (
    "kt asks where to trade, for the keys, who decides, and how to notify you. Enter takes what "
    "stands in brackets; Ctrl-C ends it. Nothing is written before the last question."
)
PROFILES = """\
Where to trade:
  sim    the embedded exchange: no account, no key, no money
  mock   the broker's mock investing, with mock keys
  real   the broker, with real money; no order before you allow them"""
KEYS = (
    "The broker's keys come from https://openapi.kiwoom.com: log in, apply for the API, register "
    "this computer's public IP address under App Key, and download App Key and Secret Key. Mock "
    "and real have different keys; for mock, apply for mock investing first. What you type or "
    "paste is not shown."
)
GEMINI_KEY = (
    "Gemini decides if it has a key, which comes from https://aistudio.google.com/apikey. Without "
    "it the offline rules decide. What you type or paste is not shown."
)
CHOICE = "With real money you choose who decides: gemini, or rules for kt's offline rules."
CHANNEL = (
    "How to notify you of an emergency: the https address of a webhook, an address of apprise such "
    "as tgram://TOKEN/CHAT (needs kt's extra `notify`), or a command that reads the notice on "
    "stdin."
)


def asked(cli: CliContext, existing: Existing, given: Answers) -> Answers:
    """The answers of the person, for what the options leave open. Raises UsageError when the input
    ends or an answer stays unusable, Denied without a yes at the end; nothing is written then."""
    _tell(cli, INTRODUCTION)
    if existing.data:
        path = visible(str(existing.path))
        cli.say(f"{path} is there: its values stay, and the old file is kept as .bak")
    answered = given
    if not cli.flags.profile:
        answered = _profile(cli, existing, given)
    if answered.profile != "sim" and answered.keys_from not in {OPTIONS, "environment"}:
        answered = _keys(cli, answered)
    if answered.gemini_from not in {OPTIONS, "environment"} and answered.analyst != "rules":
        answered = _gemini_key(cli, answered)
    if answered.profile == "real":
        answered = _analyst(cli, existing, answered)
    if not answered.channel:
        answered = _channel(cli, existing, answered)
    _confirm(cli, existing, answered)
    return answered


def _tell(cli: CliContext, text: str) -> None:
    """A paragraph, with an empty line before it."""
    from kt.cli.show.width import paragraph

    lines = (paragraph(line, cli.console.width) for line in tr(text).split("\n"))
    cli.console.say("\n" + "\n".join(lines))


def _profile(cli: CliContext, existing: Existing, given: Answers) -> Answers:
    def known(text: str) -> Any:
        if text and text not in DEFAULT_PROFILES:
            raise ConfigError(f"{text!r} is none of them", hint="Answer sim, mock or real.")
        return text or given.profile

    _tell(cli, PROFILES)
    chosen = _until(cli, f"Where? [{given.profile}]", lambda text: known(text.lower()))
    if chosen == given.profile:
        return given
    return replace(given, profile=chosen, keys_from=keys_from(cli, existing, chosen))


def _keys(cli: CliContext, answered: Answers) -> Answers:
    _tell(cli, KEYS)
    question = "App Key (Enter: keep the one there is):" if answered.keys_from else LATER
    app_key = _until(cli, question, _one_key, hidden=True)
    if not app_key:
        return answered
    secret = _until(cli, "Secret Key:", _needed(_one_key), hidden=True)
    return replace(answered, keys=(app_key, secret), keys_from=OPTIONS)


def _gemini_key(cli: CliContext, answered: Answers) -> Answers:
    _tell(cli, GEMINI_KEY)
    needed = answered.analyst == "gemini" and not answered.gemini_from
    question = "Gemini's key:" if needed else "Gemini's key (Enter: none):"
    if answered.gemini_from:
        question = "Gemini's key (Enter: keep the one there is):"
    key = _until(cli, question, _needed(_one_key) if needed else _one_key, hidden=True)
    return replace(answered, gemini_key=key, gemini_from=OPTIONS) if key else answered


def _analyst(cli: CliContext, existing: Existing, answered: Answers) -> Answers:
    now = answered.analyst or existing.config.analyst.kind
    if now != "auto":
        return answered
    known = ("gemini", "rules") if answered.gemini_from else ("rules",)
    if len(known) == 1:
        cli.say("without Gemini's key the offline rules decide (analyst.kind: rules)")
        return replace(answered, analyst="rules")

    def choice(text: str) -> str:
        if text and text not in known:
            raise ConfigError(f"{text!r} is none of them", hint="Answer gemini or rules.")
        return text or "gemini"

    _tell(cli, CHOICE)
    chosen = _until(cli, "Who decides? [gemini]", lambda text: choice(text.lower()))
    return replace(answered, analyst=chosen)


def _channel(cli: CliContext, existing: Existing, answered: Answers) -> Answers:
    ours = existing.config.notify
    kept = bool(ours.command or ours.webhook or ours.urls)

    def usable(text: str) -> str:
        existing.changed({"notify": channel_keys(text)})
        return text

    _tell(cli, CHANNEL)
    question = "Channel (Enter: as configured):" if kept else "Channel (Enter: none):"
    return replace(answered, channel=_until(cli, question, usable))


def _confirm(cli: CliContext, existing: Existing, answered: Answers) -> None:
    console = cli.console
    console.warn("\n" + tr("kt writes:"))
    for path in (*(one.path for one in secrets_of(existing, answered)), existing.path):
        console.warn(f"  {visible(str(path))}")
    if secrets_of(existing, answered):
        console.warn(tr("Keys go into the system keyring instead where there is one."))
    if not console.ask("Write this?"):
        raise Denied("not confirmed; nothing was written", code="NOT_CONFIRMED")


def _one_key(text: str) -> str:
    """A pasted key; empty when nothing was typed."""
    return given_keys(text.encode(), 1, "what was typed")[0] if text else ""


def _needed(check: Callable[[str], str]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if not text:
            raise ConfigError("nothing was typed", hint="Paste it again, or end with Ctrl-C.")
        return check(text)

    return checked


def _until(cli: CliContext, question: str, check: Callable[[str], T], *, hidden: bool = False) -> T:
    """The first answer that `check` takes."""
    from kt.cli.support.messages import sentence

    for _ in range(TRIES):
        answer = cli.console.ask_line(question, hidden=hidden)
        if answer is None:
            raise UsageError("the answers have ended; nothing was written")
        try:
            return check(answer)
        except ConfigError as wrong:
            cli.console.warn(sentence(wrong.message, wrong.hint))
    raise UsageError("no answer that can be used; nothing was written")
