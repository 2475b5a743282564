"""Parses condition searches (ka10171, ka10172): their list, and the stocks that match one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from kt.broker.wire.row import OnFault, Row, shown, tolerant
from kt.errors import WireError
from kt.records import Ranked

SOURCE = "condition:"


def listed(body: Mapping[str, object]) -> dict[str, str]:
    """CNSRLST: the number by the name, in the broker's order; each entry is `["0", "name"]`. Of two
    searches of one name the first counts. Raises WireError."""
    found: dict[str, str] = {}
    data = body.get("data")
    if not isinstance(data, list):
        raise WireError("ka10171.data", shown(data), hint="A list was expected here.")
    for index, entry in enumerate(data):
        if not isinstance(entry, list) or len(entry) < 2:
            raise WireError(f"ka10171.data[{index}]", shown(entry), hint="[number, name]")
        found.setdefault(str(entry[1]).strip(), str(entry[0]).strip())
    return found


def matches(
    body: Mapping[str, object], name: str, places: itertools.count[int], on_fault: OnFault
) -> list[Ranked]:
    """CNSRREQ: one page of matches, in the broker's order. The change in percent is computed from
    the change in won: the field is in thousandths of a percent, unlike that of every ranking."""

    def one(row: Row) -> Ranked:
        price, change = row.price("10"), row.integer("11", 0)
        base = price - change
        return Ranked(
            ranking=SOURCE + name,
            rank=next(places),
            stock_code=row.code("9001"),
            stock_name=row.text("302"),
            price=price,
            change_pct=round(change * 100 / base, 2) if base > 0 else 0.0,
            volume=row.price("13", 0),
        )

    return tolerant(body, "ka10172", one, on_fault)
