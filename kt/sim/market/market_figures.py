"""A market as a whole: its index, its size classes and who bought them, the stocks bought most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kt.records import BuyingStreak, MarketIndex, MarketName, SectorFlow
from kt.sim.market.board import Board, Moment
from kt.sim.market.flow import flow_rows
from kt.sim.market.listing import SIZE_CLASSES, Listing

TRILLION = 10**12
HUNDRED_MILLION = 10**8
STREAK_DAYS = 5
WHOLE = {MarketName.KOSPI: "종합(KOSPI)", MarketName.KOSDAQ: "종합(KOSDAQ)"}


def index(board: Board, moment: Moment, market: MarketName) -> MarketIndex:
    """The total value of the market's stocks, in trillions of won, is used as the index value."""
    worth, close, moves = _worth(board, moment, _listed(board, market))
    return MarketIndex(
        value=round(worth / TRILLION, 2),
        change=round((worth - close) / TRILLION, 2),
        change_pct=_pct(worth - close, close),
        rising=sum(move > 0 for move in moves),
        unchanged=sum(move == 0 for move in moves),
        falling=sum(move < 0 for move in moves),
        at=moment.at,
    )


def sectors(board: Board, moment: Moment, market: MarketName) -> tuple[SectorFlow, ...]:
    """The whole market and its size classes; net buying in hundreds of millions of won."""
    listed = _listed(board, market)
    found = [_sector(board, moment, WHOLE[market], listed)]
    for name in SIZE_CLASSES[market]:
        of_class = [stock for stock in listed if stock.sector == name]
        if of_class:
            found.append(_sector(board, moment, name, of_class))
    return tuple(found)


def streaks(board: Board, moment: Moment, market: MarketName) -> tuple[BuyingStreak, ...]:
    """The stocks that foreigners and institutions together bought over the last days, most
    first."""
    found = [_streak(board, moment, stock) for stock in _listed(board, market)]
    found = [streak for streak in found if streak.institution + streak.foreign > 0]
    found.sort(key=lambda streak: (-streak.institution - streak.foreign, streak.stock_code))
    return tuple(found)


def _streak(board: Board, moment: Moment, stock: Listing) -> BuyingStreak:
    """From approximate volumes, which need no price paths: five days of all stocks would take
    seconds."""
    newest = moment.session if board.opened(moment) else moment.session - 1
    institution, foreign = [], []
    for session in range(newest, newest - STREAK_DAYS, -1):
        plan = board.planner.day(stock, session)
        second = moment.second if session == moment.session else 24 * 3600
        volume = board.chain.volume_by(stock, session, board.skip(session), second)
        institution.append(int(plan.institution * volume))
        foreign.append(int(plan.foreign * volume))
    before = board.chain.close(stock, newest - STREAK_DAYS)
    price = board.path(stock.code, moment.session).price_at(moment.second)
    return BuyingStreak(
        stock_code=stock.code,
        stock_name=stock.name,
        change_pct=_pct(price - before, before),
        institution=sum(institution),
        foreign=sum(foreign),
        institution_days=_days_in_row(institution),
        foreign_days=_days_in_row(foreign),
    )


def _days_in_row(nets: Sequence[int]) -> int:
    """Days of buying without a break up to the newest; below 0 for days of selling."""
    if not nets or not nets[0]:
        return 0
    sign, days = (1 if nets[0] > 0 else -1), 0
    for net in nets:
        if net * sign <= 0:
            break
        days += sign
    return days


def _listed(board: Board, market: MarketName) -> list[Listing]:
    return [stock for stock in board.listings if stock.market is market]


def _sector(board: Board, moment: Moment, name: str, stocks: Sequence[Listing]) -> SectorFlow:
    worth, close, _ = _worth(board, moment, stocks)
    flows = [flow for stock in stocks for flow in flow_rows(board, stock.code, moment, 1)]
    today = [flow for flow in flows if flow.day == board.days.day(moment.session)]
    return SectorFlow(
        name=name,
        change_pct=_pct(worth - close, close),
        individual=_money((flow.individual, flow.price) for flow in today),
        foreign=_money((flow.foreign, flow.price) for flow in today),
        institution=_money((flow.institution, flow.price) for flow in today),
    )


def _money(trades: Iterable[tuple[int, int]]) -> int:
    return round(sum(shares * price for shares, price in trades) / HUNDRED_MILLION)


def _worth(board: Board, moment: Moment, stocks: Iterable[Listing]) -> tuple[int, int, list[int]]:
    """What the stocks are worth now and were at yesterday's close, in won, and each price's
    change."""
    worth = close = 0
    moves = []
    for stock in stocks:
        path = board.path(stock.code, moment.session)
        price = path.price_at(moment.second)
        worth += price * stock.shares
        close += path.base * stock.shares
        moves.append(price - path.base)
    return worth, close, moves


def _pct(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
