"""The prompts sent to a model: fixed instructions (files of `prompts/`, in two languages) and the
market data inside a `<data>` fence.

Stock names, reasons and lessons are untrusted input (prompt injection). Each is cut to one short
line inside the fence, and `<` and `>` are replaced or escaped in it: no name can close the fence or
pass for an instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec

from kt.analyst.brief_tables import brief_text
from kt.analyst.compact import cell, neutral
from kt.records import KST, AnalystRequest, Candidate

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}

Language = Literal["en", "ko"]
RETRY_TEXT: dict[Language, str] = {
    "en": "Your last answer had the faults listed in the data. Avoid them.",
    "ko": "지난번 답에는 데이터에 적힌 오류가 있었습니다. 되풀이하지 마십시오.",
}


@dataclass(frozen=True, slots=True)
class Instructions:
    """One file of `prompts/`: its text and its version (`decide.en.2`). Every change of the text
    increments the version, so that records of different prompts are never mixed."""

    text: str
    version: str


@cache
def instructions(purpose: str, language: Language) -> Instructions:
    """The instructions for `decide`, `shortlist`, or a topic of `records.Topic`."""
    name = f"{purpose}.{language}"
    file = resources.files("kt.analyst").joinpath(f"prompts/{name}.txt")
    first, _, text = file.read_text(encoding="utf-8").partition("\n")
    return Instructions(text.strip(), f"{name}.{first.removeprefix('version: ')}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent: the instructions and the user's text, which is the fenced data."""

    system: str
    text: str
    version: str = ""

    @property
    def whole(self) -> str:
        """Both as one text, as the journal stores it."""
        return f"{self.system}\n\n{self.text}"


PROBE = Prompt("Answer with an empty JSON list.", "[]")
"""The smallest possible request: it only checks that the model answers."""


def decide_prompt(
    brief: AnalystRequest, faults: Sequence[str] = (), language: Language = "en"
) -> Prompt:
    """The prompt for decisions on every stock of a brief. On a retry, `faults` are those of the
    last answer."""
    lines = [f"fault of your last answer: {cell(fault, 200)}" for fault in faults]
    retry = f"{RETRY_TEXT[language]}\n" if faults else ""
    found = instructions("decide", language)
    text = "\n".join([*lines, brief_text(brief)])
    return Prompt(found.text, f"{retry}<data>\n{text}\n</data>", found.version)


def shortlist_prompt(
    candidates: Sequence[Candidate], count: int, asof: datetime, language: Language = "en"
) -> Prompt:
    """The prompt for the best `count` of the candidates."""
    data = {
        "asof": _time(asof),
        "count": count,
        "candidates": [_candidate(candidate) for candidate in candidates],
    }
    found = instructions("shortlist", language)
    return Prompt(found.text, fenced(data), found.version)


def fenced(data: dict[str, Any]) -> str:
    """Data as JSON inside the fence, with `<`, `>` and `&` as JSON escapes."""
    text = msgspec.json.encode(data).decode()
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return f"<data>\n{text}\n</data>"


def _candidate(candidate: Candidate) -> dict[str, Any]:
    data = msgspec.to_builtins(candidate)
    data["stock_name"] = neutral(candidate.stock_name)
    data["reasons"] = [neutral(reason, 120) for reason in candidate.reasons]
    return {name: value for name, value in data.items() if value is not None}


def _time(at: datetime) -> str:
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")
