"""Net buying of foreigners, institutions and individuals, and the most active member firms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kt.records import BrokerActivity, BrokerShare, Flow, ForeignHolding, InstitutionDay
from kt.sim.market.board import FLOW_DAYS, Board, Moment
from kt.sim.market.chain import OLDEST
from kt.sim.market.noise import bell, key_of, share

_FIRMS = (
    ("050", "키움증권", 18.0, False),
    ("005", "미래에셋증권", 12.0, False),
    ("012", "NH투자증권", 10.0, False),
    ("003", "한국투자증권", 10.0, False),
    ("030", "삼성증권", 8.0, False),
    ("017", "KB증권", 8.0, False),
    ("002", "신한투자증권", 6.0, False),
    ("004", "대신증권", 4.0, False),
    ("010", "메리츠증권", 4.0, False),
    ("008", "유진투자증권", 2.0, False),
    ("036", "모간스탠리", 5.0, True),
    ("033", "JP모간", 5.0, True),
    ("045", "골드만삭스", 3.0, True),
    ("043", "UBS", 3.0, True),
    ("044", "메릴린치", 4.0, True),
)
"""(member number, name, usual share of the volume in percent, foreign)."""


def flow_rows(board: Board, code: str, moment: Moment) -> tuple[Flow, ...]:
    """Net bought shares by day, newest first; today's row is up to now."""
    return (*_today(board, code, moment), *_past(board, code, moment))


def today(board: Board, code: str, moment: Moment) -> Flow | None:
    """Today's net bought shares up to now; None before the session has opened."""
    return _make_flow(board, code, moment, moment.session) if board.opened(moment) else None


def _today(board: Board, code: str, moment: Moment) -> tuple[Flow, ...]:
    flow = today(board, code, moment)
    return (flow,) if flow is not None else ()


def _past(board: Board, code: str, moment: Moment) -> tuple[Flow, ...]:
    """Those of the finished days, newest first."""
    days = range(moment.session - 1, _oldest(moment) - 1, -1)
    return board.daily(
        moment,
        ("flows", code),
        lambda: tuple(_finished(board, code, moment, session) for session in days),
    )


def foreign_rows(board: Board, code: str, moment: Moment) -> tuple[ForeignHolding, ...]:
    """Foreign ownership by day, newest first."""
    past = board.daily(moment, ("foreign", code), lambda: _foreign_past(board, code, moment))
    flow = today(board, code, moment)
    if flow is None:
        return past
    return (_holding(flow, past[0].shares, board.listing(code).shares), *past)


def _foreign_past(board: Board, code: str, moment: Moment) -> tuple[ForeignHolding, ...]:
    listed, held = board.listing(code).shares, _held_before(board, code, moment)
    found = []
    for flow in reversed(_past(board, code, moment)):
        row = _holding(flow, held, listed)
        held = row.shares
        found.append(row)
    return tuple(reversed(found))


def _held_before(board: Board, code: str, moment: Moment) -> int:
    """The foreign holding before the oldest row."""
    oldest = _oldest(moment)
    part = 0.04 + 0.4 * share(key_of(code, "foreign"), 1)
    held = int(board.listing(code).shares * part)
    if oldest < 0:
        flows = list(reversed(_past(board, code, moment)))
        return held - sum(flow.foreign for flow in flows[:-oldest])
    until, bought = board.foreign_before.get(code, (0, 0))
    bought += sum(_make_flow(board, code, moment, at).foreign for at in range(until, oldest))
    board.foreign_before[code] = oldest, bought
    return held + bought


def _holding(flow: Flow, held: int, listed: int) -> ForeignHolding:
    """A day's row from the holding before it."""
    held = max(0, min(listed, held + flow.foreign))
    return ForeignHolding(
        day=flow.day,
        close=flow.price,
        volume=flow.volume,
        change=flow.foreign,
        shares=held,
        weight_pct=round(100 * held / listed, 2),
    )


def institution_rows(
    board: Board, code: str, moment: Moment, start: date, end: date
) -> tuple[InstitutionDay, ...]:
    """Net bought shares by day and the running sums of the period, newest first."""
    past = board.daily(
        moment,
        ("institutions", code, start, end),
        lambda: _summed(_past(board, code, moment), start, end),
    )
    return (*_summed(_today(board, code, moment), start, end, past[:1]), *past)


def _summed(
    flows: Sequence[Flow], start: date, end: date, before: Sequence[InstitutionDay] = ()
) -> tuple[InstitutionDay, ...]:
    """The rows of a period, newest first, with sums that continue those of the day before."""
    found: list[InstitutionDay] = []
    institution = before[0].institution_total if before else 0
    foreign = before[0].foreign_total if before else 0
    for flow in reversed(flows):
        if not start <= flow.day <= end:
            continue
        institution += flow.institution
        foreign += flow.foreign
        found.append(
            InstitutionDay(
                day=flow.day,
                close=flow.price,
                volume=flow.volume,
                institution=flow.institution,
                foreign=flow.foreign,
                institution_total=institution,
                foreign_total=foreign,
            )
        )
    return tuple(reversed(found))


def _oldest(moment: Moment) -> int:
    return max(OLDEST, moment.session - FLOW_DAYS)


def _finished(board: Board, code: str, moment: Moment, session: int) -> Flow:
    found = board.flows.get((code, session))
    if found is None:
        found = board.flows[code, session] = _make_flow(board, code, moment, session)
    return found


def _make_flow(board: Board, code: str, moment: Moment, session: int) -> Flow:
    if session == moment.session:
        traded = board.path(code, session).traded_at(moment.second)
        price, volume = traded.price, traded.volume
        parts = board.daily(moment, ("parts", code), lambda: _parts(board, code, session))
    else:
        listing, skip = board.listing(code), board.skip(session)
        price, volume = board.chain.traded(listing, session, skip)
        parts = _parts(board, code, session)
    foreign, institution = int(parts.foreign * volume), int(parts.institution * volume)
    others = int(0.006 * volume * parts.others)
    return Flow(
        day=board.days.day(session),
        price=price,
        volume=volume,
        individual=-(foreign + institution + others),
        foreign=foreign,
        institution=institution,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Net buying in a session as fractions of its volume; `others` as a multiple of the usual."""

    foreign: float
    institution: float
    others: float


def _parts(board: Board, code: str, session: int) -> _Parts:
    plan = board.planner.day(board.listing(code), session)
    others = bell(board.planner.key(code), 16 * session + 11)
    return _Parts(plan.foreign, plan.institution, others)


def broker_activity(board: Board, code: str, moment: Moment) -> BrokerActivity:
    """Today's five most active firms of each side; foreign firms follow foreign net buying."""
    volume = board.path(code, moment.session).volume_at(moment.second)
    parts = board.daily(moment, ("firms", code), lambda: _firm_parts(board, code, moment))
    buyers, sellers = (_busiest(side, volume) for side in parts)
    return BrokerActivity(stock_code=code, sellers=sellers, buyers=buyers)


def _firm_parts(board: Board, code: str, moment: Moment) -> tuple[list[float], list[float]]:
    """Each firm's part of the day's volume, as a buyer and as a seller."""
    plan, key = board.plan(code, moment), board.planner.key(code)
    found: tuple[list[float], list[float]] = [], []
    for parts, sign in zip(found, (1, -1), strict=True):
        for number, (_, _, usual, is_foreign) in enumerate(_FIRMS):
            step = 64 * moment.session + 2 * number + (sign > 0)
            part = usual / 100 * (0.8 + 0.4 * share(key, step))
            # Informed buying is concentrated in few firms: the top buyers outweigh the top sellers.
            part *= 1 + sign * 0.4 * (plan.foreign + plan.institution)
            if is_foreign:
                part *= 1 + sign * 4 * plan.foreign
            parts.append(part)
    return found


def _busiest(parts: list[float], volume: int) -> tuple[BrokerShare, ...]:
    ranked = [
        (-max(0, int(part * volume)), firm[0], firm[1])
        for part, firm in zip(parts, _FIRMS, strict=True)
    ]
    ranked.sort()
    return tuple(
        BrokerShare(name=name, code=code, quantity=-shares)
        for shares, code, name in ranked[:5]
        if shares
    )
