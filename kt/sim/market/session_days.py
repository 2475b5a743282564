"""Converts between times and (session, second)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from kt.records import KST
from kt.rules import calendar

CONTINUOUS_MINUTES = 380
"""09:00 to 15:20."""
CLOSING_SECOND = 390 * 60
"""The second of the closing auction's trade, counted from 09:00."""
AUCTION_SECOND = CONTINUOUS_MINUTES * 60
"""The second in which the closing auction begins."""

_SECOND = timedelta(seconds=1)


class SessionDays:
    """Maps session numbers to dates through one anchor: the market does not depend on dates.

    Second 0 is 380 minutes before the closing auction: 09:00 on an ordinary day. A day that opens
    an hour late (the first of a year) begins at second 3600.
    """

    def __init__(self, anchor_day: date, anchor_session: int) -> None:
        self._days = {anchor_session: anchor_day}
        self._first = self._last = anchor_session
        self._hours: dict[int, calendar.Hours] = {}
        self._origins: dict[int, datetime] = {}
        self._today = anchor_session
        self._since = self._until = datetime.min.replace(tzinfo=KST)
        """The session of the last moment asked for, and the day in which the answer holds."""

    def day(self, session: int) -> date:
        while session > self._last:
            following = calendar.next_trading_day(self._days[self._last])
            self._last += 1
            self._days[self._last] = following
        while session < self._first:
            before = calendar.previous_trading_day(self._days[self._first])
            self._first -= 1
            self._days[self._first] = before
        return self._days[session]

    def session(self, now: datetime) -> int:
        """The latest session whose day has begun (at midnight, Korean time)."""
        if self._since <= now < self._until:
            return self._today
        today = now.astimezone(KST).date()
        while self._days[self._last] < today:
            self.day(self._last + 1)
        session = self._last
        while self.day(session) > today:
            session -= 1
        self._today, self._since = session, datetime.combine(today, time(0), KST)
        self._until = self._since + timedelta(days=1)
        return session

    def hours(self, session: int) -> calendar.Hours:
        if session not in self._hours:
            found = calendar.hours(self.day(session))
            if found is None:
                raise ValueError(f"{self.day(session)} is not a trading day")
            self._hours[session] = found
        return self._hours[session]

    def origin(self, session: int) -> datetime:
        """The time of second 0."""
        found = self._origins.get(session)
        if found is None:
            auction = self.hours(session).closing_auction
            found = self._origins[session] = auction - timedelta(minutes=CONTINUOUS_MINUTES)
        return found

    def second(self, session: int, now: datetime) -> int:
        """Whole seconds since the session's second 0; negative before it."""
        return (now - self.origin(session)) // _SECOND

    def at(self, session: int, second: int) -> datetime:
        return self.origin(session) + timedelta(seconds=second)

    def skip(self, session: int) -> int:
        """The minutes between second 0 and the session's opening (0 on an ordinary day)."""
        return (self.hours(session).open - self.origin(session)) // timedelta(minutes=1)
