"""Of the denials of a check those that are causes: what follows from another denial is left out,
and facts that are missing together are one line."""

from __future__ import annotations

from collections.abc import Sequence

from kt.records import CheckResult
from kt.rules.risk.denials import Code

NOT_EVALUATED = "cannot be evaluated: "
"""How the detail of a rule begins that lacks a fact."""
_MISSING = " is not known"

FOLLOWS: dict[str, frozenset[str]] = {
    Code.SESSION: frozenset({Code.NO_NEW_BUYS}),
    Code.NOT_HELD: frozenset({Code.SELLABLE}),
}
"""By denial, the denials that it always brings about."""
_EXPLAINS_MISSING = frozenset({Code.UNKNOWN_STOCK, Code.NOT_HELD})
"""A stock that does not exist, or is not held, has no price: that it is missing is no news."""


def causes(denials: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """The denials to show; all of them stay in the check."""
    known = [item for item in denials if not item.detail.startswith(NOT_EVALUATED)]
    missing = [item for item in denials if item.detail.startswith(NOT_EVALUATED)]
    codes = {item.code for item in known}
    hidden = frozenset[str]().union(*(FOLLOWS.get(code, ()) for code in codes))
    shown = [item for item in known if item.code not in hidden]
    if missing and not codes & _EXPLAINS_MISSING:
        shown.append(_together(missing))
    return tuple(shown)


def _together(missing: Sequence[CheckResult]) -> CheckResult:
    facts = dict.fromkeys(
        item.detail.removeprefix(NOT_EVALUATED).removesuffix(_MISSING) for item in missing
    )
    if len(facts) == 1 and len(missing) == 1:
        return missing[0]
    verb = "is" if len(facts) == 1 else "are"
    others = ", ".join(item.code for item in missing[1:])
    return CheckResult(
        code=missing[0].code,
        passed=False,
        detail=f"{NOT_EVALUATED}{', '.join(facts)} {verb} not known (nor can {others})",
    )
