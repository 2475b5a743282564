"""What a script is told when the analyst did not answer: the exit code of the kind of failure."""

from __future__ import annotations

from kt.errors import AuthError, KtError, Unreachable

NETWORK = frozenset({"unreachable", "unavailable", "timeout", "quota"})
"""Failures of the line or of the provider's server."""


def silent(said: str, fault: str) -> KtError:
    """The error with these words; `fault` is what failed, as `kind: words`."""
    kind = fault.partition(":")[0]
    error = AuthError if kind == "auth" else Unreachable if kind in NETWORK else KtError
    return error(said, hint="`kt doctor` asks the analyst and says what is wrong.")
