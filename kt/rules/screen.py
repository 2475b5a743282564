"""The fast scan's filter: rows merged by stock, unsuitable stocks left out and counted by reason,
the best kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from kt.config.scan import Scan
from kt.records import Candidate, Instrument, Ranked
from kt.rules.candidate_score import fast_score, fast_totals


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
    fit: list[Candidate] = []
    counts: Counter[str] = Counter()
    for found in by_code.values():
        candidate = _candidate(found)
        reasons = unfit(candidate, scan, instruments, barred)
        if reasons:
            counts[reasons[0].reason] += 1
        else:
            fit.append(candidate)
    totals = fast_totals((by_code[one.stock_code] for one in fit), scan)
    best = sorted(
        zip(totals, fit, strict=True),
        key=lambda pair: (-pair[0], -pair[1].value, pair[1].stock_code),
    )
    kept = (_scored(one, by_code[one.stock_code], scan) for _, one in best[: scan.fast_keep])
    return Screened(tuple(kept), len(by_code), dict(counts.most_common()))


def _scored(candidate: Candidate, rows: Sequence[Ranked], scan: Scan) -> Candidate:
    score = fast_score(rows, scan)
    sources = tuple(dict.fromkeys(str(row.ranking) for row in rows))
    return replace(candidate, score=score.total, reasons=score.reasons, rankings=sources)


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


def _candidate(rows: Sequence[Ranked]) -> Candidate:
    """The data of all rows on a stock, without sources, score and reasons; a traded value that
    none has is price x volume."""
    price, volume, value = rows[0].price, rows[0].volume, rows[0].value
    surge = strength = None
    for row in rows:
        volume, value = max(volume, row.volume), max(value, row.value)
        if row.surge_pct is not None and (surge is None or row.surge_pct > surge):
            surge = row.surge_pct
        strength = row.strength if strength is None else strength
    return Candidate(
        stock_code=rows[0].stock_code,
        stock_name=rows[0].stock_name,
        price=price,
        change_pct=rows[0].change_pct,
        volume=volume,
        value=value or price * volume,
        score=0.0,
        stage="fast",
        surge_pct=surge,
        strength=strength,
    )
