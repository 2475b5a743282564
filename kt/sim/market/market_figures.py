"""A market as a whole: its index, its size classes and who bought them, the stocks bought most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kt.records import BuyingStreak, Flow, MarketIndex, MarketName, SectorFlow
from kt.sim.market import flow
from kt.sim.market.board import Board, Moment
from kt.sim.market.listing import SIZE_CLASSES, Listing

TRILLION = 10**12
HUNDRED_MILLION = 10**8
STREAK_DAYS = 5
WHOLE = {MarketName.KOSPI: "종합(KOSPI)", MarketName.KOSDAQ: "종합(KOSDAQ)"}


def index(board: Board, moment: Moment, market: MarketName) -> MarketIndex:
    """The total value of the market's stocks, in trillions of won, is used as the index value."""
    listed = _listed(board, market)
    worth, close = _worth(board, moment, listed)
    paths, traded = board.paths(moment), board.traded(moment)
    moves = [traded[place].price - paths[place].base for place in listed]
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
    flows = {place: flow.today(board, board.listings[place].code, moment) for place in listed}
    found = [_sector(board, moment, WHOLE[market], flows)]
    for name in SIZE_CLASSES[market]:
        of_class = {
            place: today for place, today in flows.items() if board.listings[place].sector == name
        }
        if of_class:
            found.append(_sector(board, moment, name, of_class))
    return tuple(found)


def streaks(board: Board, moment: Moment, market: MarketName) -> tuple[BuyingStreak, ...]:
    """The stocks that foreigners and institutions together bought over the last days, most
    first."""
    found = [_streak(board, moment, place) for place in _listed(board, market)]
    found = [streak for streak in found if streak.institution + streak.foreign > 0]
    found.sort(key=lambda streak: (-streak.institution - streak.foreign, streak.stock_code))
    return tuple(found)


def _streak(board: Board, moment: Moment, place: int) -> BuyingStreak:
    """From approximate volumes, which need no price paths: five days of all stocks would take
    seconds."""
    stock, opened = board.listings[place], board.opened(moment)
    newest = moment.session if opened else moment.session - 1
    past = board.daily(
        moment,
        ("net", stock.code),
        lambda: [
            _net(board, moment, stock, session)
            for session in range(moment.session - 1, moment.session - 1 - STREAK_DAYS, -1)
        ],
    )
    nets = [_net(board, moment, stock, newest), *past[:-1]] if opened else past
    before = board.chain.close(stock, newest - STREAK_DAYS)
    price = board.traded(moment)[place].price
    institution, foreign = [net[0] for net in nets], [net[1] for net in nets]
    return BuyingStreak(
        stock_code=stock.code,
        stock_name=stock.name,
        change_pct=_pct(price - before, before),
        institution=sum(institution),
        foreign=sum(foreign),
        institution_days=_days_in_row(institution),
        foreign_days=_days_in_row(foreign),
    )


def _net(board: Board, moment: Moment, stock: Listing, session: int) -> tuple[int, int]:
    """What institutions and foreigners bought in a session, net in shares."""
    volumes = board.chain.volumes(stock, session, board.skip(session))
    if session == moment.session:
        plan, volume = board.plan(stock.code, moment), volumes(moment.second)
    else:
        plan, volume = board.planner.day(stock, session), volumes(24 * 3600)
    return int(plan.institution * volume), int(plan.foreign * volume)


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


def _listed(board: Board, market: MarketName) -> list[int]:
    """The places of a market's stocks among the listings."""
    return [place for place, stock in enumerate(board.listings) if stock.market is market]


def _sector(
    board: Board, moment: Moment, name: str, flows: Mapping[int, Flow | None]
) -> SectorFlow:
    worth, close = _worth(board, moment, flows)
    today = [flow for flow in flows.values() if flow is not None]
    return SectorFlow(
        name=name,
        change_pct=_pct(worth - close, close),
        individual=_money((flow.individual, flow.price) for flow in today),
        foreign=_money((flow.foreign, flow.price) for flow in today),
        institution=_money((flow.institution, flow.price) for flow in today),
    )


def _money(trades: Iterable[tuple[int, int]]) -> int:
    return round(sum(shares * price for shares, price in trades) / HUNDRED_MILLION)


def _worth(board: Board, moment: Moment, places: Iterable[int]) -> tuple[int, int]:
    """What the stocks are worth now and were at yesterday's close, in won."""
    paths, traded = board.paths(moment), board.traded(moment)
    worth = close = 0
    for place in places:
        shares = board.listings[place].shares
        worth += traded[place].price * shares
        close += paths[place].base * shares
    return worth, close


def _pct(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
