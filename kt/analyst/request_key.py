"""The name of a call: a hash of everything that went into it, so a replay can find it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from kt.records import KST, Candidate


def key_of(
    purpose: str,
    analyst: str,
    model: str,
    parameters: dict[str, Any],
    question: object,
    faults: Sequence[str] = (),
) -> str:
    """sha256 (hex) over the canonical JSON of all input: the same input has the same key on
    every machine, and any other input another."""
    whole = {
        "purpose": purpose,
        "analyst": analyst,
        "model": model,
        "parameters": parameters,
        "question": question,
        "faults": list(faults),
    }
    return hashlib.sha256(msgspec.json.encode(whole, order="deterministic")).hexdigest()


def shortlist_question(
    candidates: Sequence[Candidate], count: int, asof: datetime
) -> dict[str, Any]:
    """All of a shortlist's input, for its key."""
    return {"candidates": list(candidates), "count": count, "asof": asof.astimezone(KST)}
