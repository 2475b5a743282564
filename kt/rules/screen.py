"""The fast scan's filter: rows merged by stock, unsuitable stocks left out and counted by reason,
the best kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from kt.config.scan import Scan
from kt.records import Candidate, Instrument, Ranked
from kt.rules.candidate_score import Score, fast_score


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a stock is left out: the reason that is counted, and its arithmetic in words."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Screened:
    """The kept candidates, best first; how many stocks were seen, and how many left out by reason,
    the most frequent first."""

    candidates: tuple[Candidate, ...]
    seen: int
    excluded: dict[str, int]


def screen(
    rows: Iterable[Ranked],
    scan: Scan,
    instruments: Mapping[str, Instrument] | None = None,
    barred: Mapping[str, Exclusion] | None = None,
) -> Screened:
    """Rank all stocks of the rows and keep the best `scan.fast_keep` suitable ones.

    `instruments` by stock code; without it listing, kind and warnings are not checked. `barred` by
    stock code: what the account forbids for now. Stocks of equal score are ordered by traded value,
    then by code.
    """
    by_code: dict[str, list[Ranked]] = {}
    for row in rows:
        by_code.setdefault(row.stock_code, []).append(row)
    fit: list[tuple[Candidate, Score]] = []
    counts: Counter[str] = Counter()
    for found in by_code.values():
        score = fast_score(found, scan)
        candidate = _candidate(found, score.total)
        reasons = unfit(candidate, scan, instruments, barred)
        if reasons:
            counts[reasons[0].reason] += 1
        else:
            fit.append((candidate, score))
    fit.sort(key=lambda pair: (-pair[0].score, -pair[0].value, pair[0].stock_code))
    kept = tuple(replace(one, reasons=score.reasons) for one, score in fit[: scan.fast_keep])
    return Screened(kept, len(by_code), dict(counts.most_common()))


def unfit(
    candidate: Candidate,
    scan: Scan,
    instruments: Mapping[str, Instrument] | None = None,
    barred: Mapping[str, Exclusion] | None = None,
) -> tuple[Exclusion, ...]:
    """Every reason to leave a stock out, the one that counts first; empty when it is suitable."""
    code, price, value = candidate.stock_code, candidate.price, candidate.value
    reasons = [Exclusion("excluded", "stands in scan.exclude")] if code in scan.exclude else []
    if barred and code in barred:
        reasons.append(barred[code])
    if instruments is not None:
        reasons += _listing_faults(code, instruments.get(code))
    if price < scan.min_price:
        reasons.append(Exclusion("price", f"price {price:,} < {scan.min_price:,}"))
    if 0 < scan.max_price < price:
        reasons.append(Exclusion("price", f"price {price:,} > {scan.max_price:,}"))
    if value < scan.min_value:
        reasons.append(Exclusion("value", f"traded value {value:,} < {scan.min_value:,}"))
    if abs(change := candidate.change_pct) > scan.max_change_pct:
        detail = f"change {change:+.2f} % beyond {scan.max_change_pct:g} %"
        reasons.append(Exclusion("change", detail))
    return tuple(reasons)


def _listing_faults(code: str, instrument: Instrument | None) -> list[Exclusion]:
    if instrument is None:
        return [Exclusion("not listed", "not in the list of stocks")]
    kind, warning = instrument.kind, instrument.warning
    faults = []
    if MANAGED in warning:
        faults.append(Exclusion("management issue", f"warning: {warning}"))
    elif warning:
        faults.append(Exclusion("warned", f"warning: {warning}"))
    if kind != "STOCK":
        faults.append(Exclusion(kind, f"is an {kind}, not a stock"))
    elif SPAC in instrument.stock_name:
        faults.append(Exclusion("SPAC", f"{instrument.stock_name} is a SPAC"))
    elif code[-1:] != COMMON:
        faults.append(Exclusion("preferred", f"a code that ends in {code[-1:]}: preferred shares"))
    return faults


MANAGED = "관리"
"""In the broker's words for a stock under supervision (관리종목)."""
SPAC = "스팩"
"""In the name of every special purpose acquisition company, and of no other stock."""
COMMON = "0"
"""The last character of the code of common shares; preferred ones have 5, 7, 9 or a letter."""


def _candidate(rows: Sequence[Ranked], score: float) -> Candidate:
    """The data of all rows on a stock, without the reasons; a traded value that none has is
    price x volume."""
    volume = max(row.volume for row in rows)
    price = rows[0].price
    surges = [row.surge_pct for row in rows if row.surge_pct is not None]
    strengths = [row.strength for row in rows if row.strength is not None]
    return Candidate(
        stock_code=rows[0].stock_code,
        stock_name=rows[0].stock_name,
        price=price,
        change_pct=rows[0].change_pct,
        volume=volume,
        value=max(row.value for row in rows) or price * volume,
        score=score,
        stage="fast",
        rankings=tuple(dict.fromkeys(str(row.ranking) for row in rows)),
        surge_pct=max(surges) if surges else None,
        strength=strengths[0] if strengths else None,
    )
