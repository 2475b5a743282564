"""A reply's text is read whatever it is, and whatever a library raises becomes an answer."""

from __future__ import annotations

from typing import Any

import pytest

from kt.analyst.reading import MOST_LETTERS, read_text
from tests.analyst.make import brief, rising


class Broken(Exception):
    def __str__(self) -> str:
        raise ValueError("not even words")


class Foreign:
    """A provider whose library is out of order."""

    name, model, secret = "foreign", "m", "key-that-nobody-may-see"

    def __init__(self, raised: BaseException) -> None:
        self._raised = raised

    def line(self) -> Any:
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
def test_any_exception_of_any_library_is_an_answer(raised: BaseException, error: str) -> None:
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
def test_no_reply_of_any_size_takes_long_to_read(piece: str) -> None:
    from time import perf_counter

    began = perf_counter()
    found = read_text(piece * (MOST_LETTERS // len(piece)))
    assert found.objects == ()
    assert perf_counter() - began < 20, "the time grows with the square of the size"
