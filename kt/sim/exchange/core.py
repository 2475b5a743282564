"""The embedded exchange as one object: market, accounts, order matching."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from kt.errors import ConfigError, KtError
from kt.ports import Clock
from kt.records import KST, Outcome, SessionNotice
from kt.rules import calendar
from kt.sim.exchange import steering
from kt.sim.exchange.clock_advance import run_to
from kt.sim.exchange.exchange_account import COMMISSION_PCT
from kt.sim.exchange.ledger import Addressed, Ledger
from kt.sim.exchange.order_entry import OrderEntry
from kt.sim.exchange.refusals import Refused
from kt.sim.exchange.steering import Steer, Steered
from kt.sim.exchange.storage import ExchangeStorage
from kt.sim.exchange.ticker import Ticker
from kt.sim.market import recorded_day as replays
from kt.sim.market.bar_board import BarBoard, BarMarket, BarView, resumed, saved
from kt.sim.market.board import Board
from kt.sim.market.session_days import SessionDays
from kt.sim.market.view import MarketView

LISTING_DELAY = 0.7
"""Clock seconds until an order or a fill is in the lists; the stream sends it at once."""

_BARS = "bars"
"""The key of an exchange on bars in its state: the last prices, at which it stays."""
_ON_OFF = {True: "on", False: "off"}
_SAVE_EVERY = 1.0
"""Real seconds between two saves of the time."""


class Exchange:
    """Prices from `seed` (or the recorded bars of `replay`), orders matched by price and time; or
    `bars` alone, which orders fill on by a model.
    Without `signals` nothing that is published precedes a price (docs/exchange.md#signals).

    `clock` is the only source of time: nothing happens between two calls, and every call first
    advances the exchange to the clock's time. If the clock went back while the exchange was
    stopped, the next session begins; if it goes back while it runs, the exchange waits until the
    clock has caught up. `cash` is the starting cash of a new account, in won; `costs` is `real`
    or `mock`. With `state_path`, every change is on disk before the call returns. All methods
    are thread-safe.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        seed: int = 1,
        signals: bool = True,
        cash: int = 10_000_000,
        costs: str = "real",
        state_path: Path | None = None,
        replay: Path | None = None,
        bars: BarMarket | None = None,
        listing_delay: float = LISTING_DELAY,
    ) -> None:
        if costs not in COMMISSION_PCT:
            raise ConfigError(f"no such costs: {costs!r} (known: {', '.join(COMMISSION_PCT)})")
        self.seed = seed
        self.signals = signals
        self.costs = costs
        self.listing_delay = listing_delay
        self._bars = bars
        self._clock = clock
        self._lock = threading.RLock()
        self._state = ExchangeStorage(state_path) if state_path else None
        now = clock.now().astimezone(KST)
        self._seen = now
        self._saved = now
        try:
            self._ledger = self._open_books(now, cash, replays.read(replay) if replay else None)
        except KtError:
            if self._state is not None:
                self._state.close()
            raise
        self._ticker = Ticker(self._ledger, now)
        view = MarketView if self._bars is None else BarView
        self.market = view(self._ledger.board, self._ledger.depth, self._caught_up_now)

    def _open_books(self, now: datetime, cash: int, recording: replays.Recording | None) -> Ledger:
        today = now.date()
        day = today if calendar.is_trading_day(today) else calendar.previous_trading_day(today)
        meta = self._state.meta() if self._state else {}
        if meta.get("seed", str(self.seed)) != str(self.seed):
            raise ConfigError(
                f"the exchange's state was made with seed {meta['seed']}, not {self.seed}",
                hint=f"start with --seed {meta['seed']}, or kt sim reset",
            )
        if meta and meta.get("signals", "on") != _ON_OFF[self.signals]:
            raise ConfigError(
                f"the exchange's state was made with signals {meta.get('signals', 'on')}",
                hint="set simulator.signals as it was, or kt sim reset",
            )
        session = int(meta.get("session", 0))
        anchor = date.fromisoformat(meta["day"]) if "day" in meta else day
        went_back = "day" in meta and (
            day < anchor or (day == anchor and now < datetime.fromisoformat(meta["seen"]))
        )
        if _BARS in meta:
            self._bars = resumed(meta[_BARS], anchor)
        days = SessionDays(day, session + 1) if went_back else SessionDays(anchor, session)
        ledger = Ledger(
            self._board(days, recording),
            cash=cash,
            commission_pct=COMMISSION_PCT[self.costs],
            state=self._state,
        )
        if not ledger.load():
            ledger.matched = ledger.board.moment(now).second
        ledger.seen = now
        ledger.meta["seed"] = str(self.seed)
        ledger.meta["signals"] = _ON_OFF[self.signals]
        steering.load(ledger)
        if went_back:
            ledger.begin_session(session + 1)
        run_to(ledger, now)
        ledger.save()
        return ledger

    def _board(self, days: SessionDays, recording: replays.Recording | None) -> Board:
        if self._bars is not None:
            return BarBoard(self.seed, days, self._bars)
        return Board(self.seed, days, recording, signals=self.signals)

    # --- time -------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The exchange's time: the clock's time, but never going back."""
        with self._lock:
            shown = self._clock.now()
            if shown > self._seen:
                self._seen = shown.astimezone(KST)
            return self._seen

    def advance(self) -> list[Addressed]:
        """Advance to now and return the new events, oldest first: (app key, event) for an account's
        orders and balance, (None, event) for watched stocks and market phases."""
        with self._lock:
            ledger = self.caught_up()
            events = [*ledger.outbox, *self._ticker.events(self._seen)]
            ledger.outbox.clear()
            events.sort(key=lambda addressed: addressed[1].at)
            self._save_time()
            return events

    def _save_time(self) -> None:
        """Save the time, so that a killed exchange resumes within one real second of it."""
        passed = (self._seen - self._saved).total_seconds()
        if self._state is not None and self._clock.to_real(passed) >= _SAVE_EVERY:
            self._saved = self._seen
            self._ledger.save()

    def caught_up(self) -> Ledger:
        """The ledger after matching up to now."""
        with self._lock:
            now = self.now()
            if now is not self._ledger.seen:
                self._ledger.seen = now
                run_to(self._ledger, now)
            return self._ledger

    def _caught_up_now(self) -> datetime:
        self.caught_up()
        return self._seen

    # --- accounts, orders, steering ---------------------------------------------------------

    def open_account(self, key: str) -> None:
        """Open an account for an app key, unless it has one."""
        with self._lock:
            self._ledger.account(key)

    def submit(self, call: Callable[[OrderEntry], Outcome]) -> Outcome:
        """Execute one order call; its changes are on disk before the outcome is returned."""
        with self._lock:
            ledger = self.caught_up()
            try:
                outcome = call(OrderEntry(ledger, self._seen))
            except Refused as refused:
                return refused.outcome()
            ledger.save()
            return outcome

    def watch(self, codes: set[str], books: set[str] | None = None) -> None:
        """Send the trades of these stocks from now on, and the order books of those in `books`, or
        of all of them; replaces the previous sets."""
        with self._lock:
            self._ticker.watch(codes, codes if books is None else books)

    def steer(self, request: Steer) -> Steered:
        """Steer one stock from the next second on; saved on disk when this returns. Raises
        UsageError for what is impossible in the market."""
        with self._lock:
            ledger = self.caught_up()
            steering.steer(ledger, request, self._seen)
            return self.steered(request.stock_code)

    def steered(self, code: str) -> Steered:
        """The state of a stock in the next second. Raises UsageError for an unknown one."""
        with self._lock:
            return steering.state(self.caught_up(), code, self._seen)

    def price(self, code: str) -> int:
        """The last price of a stock, in won. Raises UnknownStock."""
        with self._lock:
            moment = self._ledger.board.moment(self.now())
            return self._ledger.board.path(code, moment.session).price_at(moment.second)

    def phase(self) -> SessionNotice:
        """The latest market phase message (type 0s)."""
        with self._lock:
            return self._ticker.phase(self.now())

    @property
    def session(self) -> int:
        """The current session's number; 0 is the first."""
        return self._ledger.session

    @property
    def commission_pct(self) -> float:
        return COMMISSION_PCT[self.costs]

    def keep(self, path: Path) -> None:
        """Write the whole state of an exchange without a `state_path` to a new file."""
        with self._lock:
            state = ExchangeStorage(path)
            try:
                ledger = self.caught_up()
                if self._bars is not None:
                    ledger.meta[_BARS] = saved(ledger.board, self._seen)
                ledger.save_all(state)
            finally:
                state.close()

    def close(self) -> None:
        """Save the time, so that a restart continues from it; then close the storage."""
        with self._lock:
            self.caught_up().save()
            if self._state is not None:
                self._state.close()


def last_seen(state_path: Path) -> datetime | None:
    """The exchange's time when the state file was last written; None if there is no file."""
    if not state_path.exists():
        return None
    state = ExchangeStorage(state_path)
    try:
        seen = state.meta().get("seen")
        return datetime.fromisoformat(seen) if seen else None
    finally:
        state.close()
