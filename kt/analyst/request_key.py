"""The key of a request: a hash of all its input, by which a replay finds the recorded answer."""

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
    """sha256 (hex) of the canonical JSON of all input: the same input has the same key on every
    machine, and different input has a different one."""
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
    """All input of a shortlist request, for its key."""
    return {"candidates": list(candidates), "count": count, "asof": asof.astimezone(KST)}
