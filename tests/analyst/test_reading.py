"""Any reply can be parsed, and any exception of a library becomes an answer with an error."""

from __future__ import annotations

from typing import Any

import pytest

from kt.analyst.reading import MAX_CHARACTERS, read_text
from tests.analyst.make import brief, rising


class Broken(Exception):
    def __str__(self) -> str:
        raise ValueError("not even words")


class Foreign:
    """A provider whose library raises."""

    name, model, secret = "foreign", "m", "key-that-nobody-may-see"

    def __init__(self, raised: BaseException) -> None:
        self._raised = raised

    def connect(self) -> Any:
        raise self._raised


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (Broken(), "defect: Broken"),
        (KeyError("candidates"), "defect: KeyError 'candidates'"),
        (ImportError("no module"), "defect: ImportError no module"),
        (MemoryError(), "defect: MemoryError"),
        (RecursionError("deep"), "reply: RecursionError deep"),
        (OSError("key-that-nobody-may-see"), "defect: OSError …"),
        (type("APIConnectionError", (Exception,), {})("gone"), "unreachable: gone"),
        (type("RateLimitError", (Exception,), {"status_code": 429})("slow"), "quota: slow"),
    ],
)
def test_any_exception_of_a_library_is_an_answer_with_its_error(
    raised: BaseException, error: str
) -> None:
    from kt.analyst.asking import ModelAnalyst
    from tests.analyst.make import CLOCK

    analyst = ModelAnalyst(
        Foreign(raised), CLOCK, temperature=0, timeout=5, wait=lambda seconds: None
    )
    found = analyst.decide(brief(rising()))
    assert found.error == error
    assert found.objects == ()


@pytest.mark.parametrize(
    "piece", ['"', "[", "{", "`", "<think>", "</think>", '"a', '{"', "\\", "[{"]
)
def test_the_largest_reply_is_parsed_quickly(piece: str) -> None:
    from time import perf_counter

    began = perf_counter()
    found = read_text(piece * (MAX_CHARACTERS // len(piece)))
    assert found.objects == ()
    assert perf_counter() - began < 20, "the time grows with the square of the size"
