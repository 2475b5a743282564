"""Net buying of foreigners, institutions and individuals, and the most active member firms."""

from __future__ import annotations

from datetime import date

from kt.records import BrokerActivity, BrokerShare, Flow, ForeignHolding, InstitutionDay
from kt.sim.market.board import Board, Moment
from kt.sim.market.chain import OLDEST
from kt.sim.market.history import finished_day
from kt.sim.market.noise import bell, key_of, share
from kt.sim.market.plan import StockDay

DAYS = 100
"""The number of rows in a response."""

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


def flow_rows(board: Board, code: str, moment: Moment, days: int | None = None) -> tuple[Flow, ...]:
    """Net bought shares by day, newest first, of the newest `days`; today's row is up to now."""
    newest, oldest = _newest(board, moment), _oldest(moment)
    if days is not None:
        oldest = max(oldest, newest - days + 1)
    return tuple(_flow(board, code, moment, session) for session in range(newest, oldest - 1, -1))


def foreign_rows(board: Board, code: str, moment: Moment) -> tuple[ForeignHolding, ...]:
    """Foreign ownership by day, newest first."""
    listing = board.listing(code)
    newest, oldest = _newest(board, moment), _oldest(moment)
    flows = [_flow(board, code, moment, session) for session in range(oldest, newest + 1)]
    part = 0.04 + 0.4 * share(key_of(code, "foreign"), 1)
    held = int(listing.shares * part) + sum(
        _flow(board, code, moment, session).foreign for session in range(0, oldest)
    )
    held -= sum(flow.foreign for flow in flows[: max(0, -oldest)])
    found = []
    for flow in flows:
        held = max(0, min(listing.shares, held + flow.foreign))
        found.append(
            ForeignHolding(
                day=flow.day,
                close=flow.price,
                volume=flow.volume,
                change=flow.foreign,
                shares=held,
                weight_pct=round(100 * held / listing.shares, 2),
            )
        )
    return tuple(reversed(found))


def institution_rows(
    board: Board, code: str, moment: Moment, start: date, end: date
) -> tuple[InstitutionDay, ...]:
    """Net bought shares by day and the running sums of the period, newest first."""
    found: list[InstitutionDay] = []
    institution = foreign = 0
    for flow in reversed(flow_rows(board, code, moment)):
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


def _newest(board: Board, moment: Moment) -> int:
    return moment.session if board.opened(moment) else moment.session - 1


def _oldest(moment: Moment) -> int:
    return max(OLDEST, moment.session - DAYS)


def _flow(board: Board, code: str, moment: Moment, session: int) -> Flow:
    if session == moment.session:
        return _make_flow(board, code, moment, session)
    changes = board.chain.changes
    if board.flows_of != (moment.session, changes):
        board.flows.clear()
        board.flows_of = (moment.session, changes)
    found = board.flows.get((code, session))
    if found is None:
        found = board.flows[code, session] = _make_flow(board, code, moment, session)
    return found


def _make_flow(board: Board, code: str, moment: Moment, session: int) -> Flow:
    plan = board.planner.day(board.listing(code), session)
    if session == moment.session:
        path = board.path(code, session)
        price, volume = path.price_at(moment.second), path.volume_at(moment.second)
    else:
        bar = finished_day(board, code, session)
        price, volume = bar.close, bar.volume
    foreign, institution = int(plan.foreign * volume), int(plan.institution * volume)
    others = int(0.006 * volume * bell(board.planner.key(code), 16 * session + 11))
    return Flow(
        day=board.days.day(session),
        price=price,
        volume=volume,
        individual=-(foreign + institution + others),
        foreign=foreign,
        institution=institution,
    )


def broker_activity(board: Board, code: str, moment: Moment) -> BrokerActivity:
    """Today's five most active firms of each side; foreign firms follow foreign net buying."""
    plan = board.planner.day(board.listing(code), moment.session)
    volume = board.path(code, moment.session).volume_at(moment.second)
    buyers = _busiest(board, code, moment.session, plan, volume, buying=True)
    sellers = _busiest(board, code, moment.session, plan, volume, buying=False)
    return BrokerActivity(stock_code=code, sellers=sellers, buyers=buyers)


def _busiest(
    board: Board, code: str, session: int, plan: StockDay, volume: int, *, buying: bool
) -> tuple[BrokerShare, ...]:
    key, sign = board.planner.key(code), 1 if buying else -1
    found = []
    for number, (firm, name, usual, is_foreign) in enumerate(_FIRMS):
        part = usual / 100 * (0.8 + 0.4 * share(key, 64 * session + 2 * number + (sign > 0)))
        # Informed buying is concentrated in few firms: the top buyers outweigh the top sellers.
        part *= 1 + sign * 0.4 * (plan.foreign + plan.institution)
        if is_foreign:
            part *= 1 + sign * 4 * plan.foreign
        found.append(BrokerShare(name=name, code=firm, quantity=max(0, int(part * volume))))
    found.sort(key=lambda item: (-item.quantity, item.code))
    return tuple(item for item in found[:5] if item.quantity)
