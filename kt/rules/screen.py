"""The fast scan's filter: rankings merged by stock, unsuitable stocks left out, the best kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kt.config.model import Scan
from kt.records import Candidate, Instrument, Ranked
from kt.rules.candidate_score import fast_score


def screen(
    rows: Iterable[Ranked], scan: Scan, instruments: Mapping[str, Instrument] | None = None
) -> tuple[Candidate, ...]:
    """Rank all stocks of the rankings and keep the best `scan.fast_keep` suitable ones, best first.

    `instruments` by stock code; without it listing, kind and warnings are not checked. Stocks of
    equal score are ordered by traded value, then by code.
    """
    by_code: dict[str, list[Ranked]] = {}
    for row in rows:
        by_code.setdefault(row.stock_code, []).append(row)
    ranked = (_candidate(found) for found in by_code.values())
    fit = [candidate for candidate in ranked if not unfit(candidate, scan, instruments)]
    fit.sort(key=lambda c: (-c.score, -c.value, c.stock_code))
    return tuple(fit[: scan.fast_keep])


def unfit(
    candidate: Candidate, scan: Scan, instruments: Mapping[str, Instrument] | None = None
) -> tuple[str, ...]:
    """Every reason to leave a stock out, with its arithmetic; empty when it is suitable."""
    code, price, value = candidate.stock_code, candidate.price, candidate.value
    checks = (
        (price < scan.min_price, f"price {price:,} < {scan.min_price:,}"),
        (0 < scan.max_price < price, f"price {price:,} > {scan.max_price:,}"),
        (value < scan.min_value, f"traded value {value:,} < {scan.min_value:,}"),
        (
            abs(candidate.change_pct) > scan.max_change_pct,
            f"change {candidate.change_pct:+.2f} % beyond {scan.max_change_pct:g} %",
        ),
        (code in scan.exclude, "stands in scan.exclude"),
    )
    reasons = [words for failed, words in checks if failed]
    if instruments is not None:
        reasons += _listing_faults(instruments.get(code))
    return tuple(reasons)


def _listing_faults(instrument: Instrument | None) -> list[str]:
    if instrument is None:
        return ["not in the list of stocks"]
    faults = []
    if instrument.kind != "STOCK":
        faults.append(f"is an {instrument.kind}, not a stock")
    if instrument.warning:
        faults.append(f"warning: {instrument.warning}")
    return faults


def _candidate(rows: Sequence[Ranked]) -> Candidate:
    """The data of all rankings on a stock; a traded value that none has is price x volume."""
    score = fast_score(rows)
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
        score=score.total,
        stage="fast",
        rankings=tuple(dict.fromkeys(row.ranking.value for row in rows)),
        reasons=score.reasons,
        surge_pct=max(surges) if surges else None,
        strength=strengths[0] if strengths else None,
    )
