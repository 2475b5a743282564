"""Chart bars (ticks, minutes, days, weeks, months), oldest first, up to the current second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

import msgspec

from kt.records import KST, Bar, Interval
from kt.sim.market.board import Board, Moment
from kt.sim.market.path import SessionPath
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
    found = _finished_days(board, code, moment, first, finished)
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


def _finished_days(board: Board, code: str, moment: Moment, first: int, end: int) -> list[Bar]:
    """The day bars of sessions from `first` to before `end`."""
    kept: dict[int, Bar] = board.daily(moment, ("days", code), dict)
    for session in range(first, end):
        if session not in kept:
            kept[session] = _day_bar(board, code, session)
    return [kept[session] for session in range(first, end)]


def _day_bar(board: Board, code: str, session: int) -> Bar:
    bar = board.chain.bar(board.listing(code), session, board.skip(session))
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
    while len(found) < count and board.has_minutes(session, moment):
        second = moment.second if session == moment.session else 24 * 3600
        found[:0] = _session_minutes(board, code, session, second, count - len(found), size)
        session -= 1
    return tuple(found)


def _session_minutes(
    board: Board, code: str, session: int, second: int, count: int, size: int
) -> list[Bar]:
    """The newest bars of a session, at most `count`, oldest first."""
    path, origin = board.path(code, session), board.days.origin(session)
    last = min(second, AUCTION_SECOND - 1)
    closed = second >= CLOSING_SECOND and path.closing_volume > 0
    count -= closed
    found: list[Bar] = []
    slot = -1
    for index in range(last // 60, path.skip - 1, -1):
        if index // size != slot and len(found) == count:
            break
        bar = _minute_bar(path, origin, index, last)
        if bar is None:
            continue
        if index // size == slot:
            found[-1] = join(bar, found[-1])
        else:
            found.append(bar)
            slot = index // size
    if size > 1:
        found = [_at_slot(bar, origin, size) for bar in found]
    found.reverse()
    return [*found, _closing_bar(path, origin)] if closed else found


def _at_slot(bar: Bar, origin: datetime, size: int) -> Bar:
    """The bar with the start of its `size` minutes, even if nothing traded in the first of them."""
    index = (bar.at - origin) // timedelta(minutes=size)
    return msgspec.structs.replace(bar, at=origin + timedelta(minutes=index * size))


def _minute_bar(path: SessionPath, origin: datetime, index: int, last: int) -> Bar | None:
    """One minute's bar up to a second; None if nothing has traded in it."""
    if last >= index * 60 + 59:
        if index not in path.bars:
            path.bars[index] = _whole_minute(path, origin, index)
        return path.bars[index]
    inside = last - index * 60
    seconds = path.seconds_in(index)
    if seconds.traded[inside] < 0:
        return None
    minute, volume = path.minute(index), path.volume_in(index, inside)
    return Bar(
        at=origin + timedelta(minutes=index),
        open=next(
            price for price, size in zip(seconds.prices, seconds.quantities, strict=True) if size
        ),
        high=seconds.highs[inside],
        low=seconds.lows[inside],
        close=seconds.prices[seconds.traded[inside]],
        volume=volume,
        value=volume * (minute.open + minute.close) // 2,
    )


def _whole_minute(path: SessionPath, origin: datetime, index: int) -> Bar | None:
    minute = path.minute(index)
    if not minute.volume:
        return None
    return Bar(
        at=origin + timedelta(minutes=index),
        open=minute.open,
        high=minute.high,
        low=minute.low,
        close=minute.close,
        volume=minute.volume,
        value=minute.volume * (minute.open + minute.close) // 2,
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


def _trades_back(board: Board, code: str, moment: Moment) -> Iterator[tuple[datetime, int, int]]:
    """(time, price, shares) of all trades up to now, newest first, over a few sessions."""
    session, second = moment.session, moment.second
    while board.has_minutes(session, moment):
        path, origin = board.path(code, session), board.days.origin(session)
        if second >= CLOSING_SECOND and path.closing_volume:
            at = origin + timedelta(seconds=CLOSING_SECOND)
            yield at, path.closing_price, path.closing_volume
        last = min(second, AUCTION_SECOND - 1)
        for index in range(last // 60, path.skip - 1, -1):
            seconds, start = path.draw_seconds(index), origin + timedelta(minutes=index)
            for inside in range(min(59, last - index * 60), -1, -1):
                if size := seconds.quantities[inside]:
                    yield start + timedelta(seconds=inside), seconds.prices[inside], size
        session, second = session - 1, 24 * 3600


def _tick_bars(board: Board, code: str, moment: Moment, count: int, size: int) -> tuple[Bar, ...]:
    found: list[Bar] = []
    held: Bar | None = None
    trades = enumerate(_trades_back(board, code, moment), start=1)
    for number, (at, price, quantity) in trades:
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
