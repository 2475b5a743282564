"""Chart bars (ticks, minutes, days, weeks, months), oldest first, up to the current second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

import msgspec

from kt.records import KST, Bar, Interval
from kt.sim.market.board import Board, Moment
from kt.sim.market.chain import DayBar
from kt.sim.market.path import MarketTrade, SessionPath
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND


def bars(
    board: Board, code: str, moment: Moment, interval: Interval, count: int, size: int = 1
) -> tuple[Bar, ...]:
    """The newest `count` bars of a stock, oldest first (ka10079 to ka10083)."""
    if count <= 0 or size <= 0:
        return ()
    if interval is Interval.TICK:
        return _tick_bars(board, code, moment, count, size)
    if interval is Interval.MINUTE:
        return _minute_bars(board, code, moment, count, size)
    if interval is Interval.DAY:
        return tuple(day_bars(board, code, moment, count))
    if interval is Interval.WEEK:
        days = day_bars(board, code, moment, 5 * count + 5)
        return _joined(days, lambda day: day.isocalendar()[:2])[-count:]
    days = day_bars(board, code, moment, 23 * count + 23)
    return _joined(days, lambda day: (day.year, day.month))[-count:]


def day_bars(board: Board, code: str, moment: Moment, count: int) -> list[Bar]:
    """The newest day bars, oldest first; the last is today's unfinished bar once it has traded."""
    finished = moment.session if not board.closed(moment) else moment.session + 1
    running = board.opened(moment) and not board.closed(moment)
    first = max(board.oldest(code), finished - count + (1 if running else 0))
    found = [_day_bar(board, code, session) for session in range(first, finished)]
    if running:
        path = board.path(code, moment.session)
        opening, high, low = path.range_at(moment.second)
        if opening:
            found.append(
                Bar(
                    at=_midnight(board.days.day(moment.session)),
                    open=opening,
                    high=high,
                    low=low,
                    close=path.price_at(moment.second),
                    volume=path.volume_at(moment.second),
                    value=path.value_at(moment.second),
                )
            )
    return found


def finished_day(board: Board, code: str, session: int) -> DayBar:
    return board.chain.bar(board.listing(code), session, board.skip(session))


def _day_bar(board: Board, code: str, session: int) -> Bar:
    bar = finished_day(board, code, session)
    return Bar(
        at=_midnight(board.days.day(session)),
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        value=bar.value,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), KST)


def _joined(days: list[Bar], group: Callable[[date], tuple[int, ...]]) -> tuple[Bar, ...]:
    found: list[Bar] = []
    last: tuple[int, ...] | None = None
    for bar in days:
        name = group(bar.at.date())
        if name == last:
            found[-1] = join(found[-1], bar)
        else:
            found.append(bar)
            last = name
    return tuple(found)


def join(first: Bar, then: Bar) -> Bar:
    """Merge two adjacent bars."""
    return Bar(
        at=first.at,
        open=first.open,
        high=max(first.high, then.high),
        low=min(first.low, then.low),
        close=then.close,
        volume=first.volume + then.volume,
        value=first.value + then.value,
    )


def _minute_bars(board: Board, code: str, moment: Moment, count: int, size: int) -> tuple[Bar, ...]:
    found: list[Bar] = []
    session = moment.session
    while len(found) < count and board.has_minutes(session):
        second = moment.second if session == moment.session else 24 * 3600
        found = [*_session_minutes(board, code, session, second, size), *found]
        session -= 1
    return tuple(found[-count:])


def _session_minutes(board: Board, code: str, session: int, second: int, size: int) -> list[Bar]:
    path, origin = board.path(code, session), board.days.origin(session)
    last = min(second, AUCTION_SECOND - 1)
    found: list[Bar] = []
    slot = -1
    for index in range(path.skip, last // 60 + 1):
        bar = _minute_bar(path, origin, index, last)
        if bar is None:
            continue
        if index // size == slot:
            found[-1] = join(found[-1], bar)
        else:
            start = origin + timedelta(minutes=index // size * size)
            found.append(msgspec.structs.replace(bar, at=start))
            slot = index // size
    if second >= CLOSING_SECOND and path.closing_volume:
        found.append(_closing_bar(path, origin))
    return found


def _minute_bar(path: SessionPath, origin: datetime, index: int, last: int) -> Bar | None:
    """One minute's bar up to a second; None if nothing has traded in it."""
    minute = path.minute(index)
    at = origin + timedelta(minutes=index)
    if last >= index * 60 + 59:
        if not minute.volume:
            return None
        value = minute.volume * (minute.open + minute.close) // 2
        return Bar(
            at=at,
            open=minute.open,
            high=minute.high,
            low=minute.low,
            close=minute.close,
            volume=minute.volume,
            value=value,
        )
    prices = path.prices_in(index, last - index * 60)
    if not prices:
        return None
    volume = path.volume_at(last) - path.volume_at(index * 60 - 1)
    return Bar(
        at=at,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=volume,
        value=volume * (minute.open + minute.close) // 2,
    )


def _closing_bar(path: SessionPath, origin: datetime) -> Bar:
    price, volume = path.closing_price, path.closing_volume
    return Bar(
        at=origin + timedelta(seconds=CLOSING_SECOND),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=volume,
        value=price * volume,
    )


def trades_back(board: Board, code: str, moment: Moment) -> Iterator[tuple[datetime, MarketTrade]]:
    """All trades from the current second backwards, newest first, over a few sessions."""
    session, second = moment.session, moment.second
    while board.has_minutes(session):
        path, origin = board.path(code, session), board.days.origin(session)
        if second >= CLOSING_SECOND:
            trade = path.trade_at(CLOSING_SECOND)
            if trade is not None:
                yield origin + timedelta(seconds=CLOSING_SECOND), trade
        for at in range(min(second, AUCTION_SECOND - 1), path.skip * 60 - 1, -1):
            trade = path.trade_at(at)
            if trade is not None:
                yield origin + timedelta(seconds=at), trade
        session, second = session - 1, 24 * 3600


def _tick_bars(board: Board, code: str, moment: Moment, count: int, size: int) -> tuple[Bar, ...]:
    found: list[Bar] = []
    held: Bar | None = None
    for number, (at, trade) in enumerate(trades_back(board, code, moment), start=1):
        price, quantity = trade.price, trade.quantity
        bar = Bar(
            at=at,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=quantity,
            value=price * quantity,
        )
        held = bar if held is None else join(bar, held)
        if number % size == 0:
            found.append(held)
            held = None
            if len(found) == count:
                break
    return tuple(reversed(found))
