"""The exchange's ledger: accounts, today's orders and fills, order numbers, unsaved changes."""

from __future__ import annotations

from datetime import datetime

from kt.records import KST, Side, StreamEvent
from kt.sim.exchange.exchange_account import Account, Costing, affordable
from kt.sim.exchange.order_records import SimFill, SimOrder
from kt.sim.exchange.storage import ExchangeStorage
from kt.sim.market.bar_board import BarDepth
from kt.sim.market.board import Board
from kt.sim.market.depth import Depth
from kt.sim.market.noise import key_of

Addressed = tuple[str | None, StreamEvent]
"""(app key, event); the key is None for an event to everyone."""
LONG_AGO = -(10**9)
"""A second before the start of any session."""
_FIRST_NUMBER = 100_001


class Ledger:
    """The exchange's data and its arithmetic; `order_entry` does the checks."""

    def __init__(
        self, board: Board, *, cash: int, commission_pct: float, state: ExchangeStorage | None
    ) -> None:
        self.board = board
        self.depth = Depth() if board.fill_model is None else BarDepth()
        self.cash = cash
        self.commission_pct = commission_pct
        self.accounts: dict[str, Account] = {}
        self.orders: dict[int, SimOrder] = {}
        self.fills: list[SimFill] = []
        self.next_order = _FIRST_NUMBER
        self.next_exec = 1
        self.session = 0
        self.matched = LONG_AGO
        self.seen = datetime.min.replace(tzinfo=KST)
        """The exchange's time."""
        self.outbox: list[Addressed] = []
        self._state = state
        self._working: dict[int, SimOrder] = {}
        """Orders with an open quantity."""
        self._touched: set[int] = set()
        self._paid: set[str] = set()
        self._saved_fills = 0
        self.meta: dict[str, str] = {}
        self._costing: Costing | None = None

    def account(self, key: str) -> Account:
        """The app key's account; a new one is opened with the starting cash."""
        if key not in self.accounts:
            number = f"{key_of('account', key) % 10**8:08d}11"
            self.accounts[key] = Account(key=key, number=number, start=self.cash, cash=self.cash)
            self._paid.add(key)
            self.save()
        return self.accounts[key]

    @property
    def costing(self) -> Costing:
        """The current session's commission and tax."""
        day = self.board.days.day(self.session)
        if self._costing is None or self._costing.day != day:
            self._costing = Costing(self.commission_pct, day)
        return self._costing

    def open_orders(self, key: str | None = None, code: str | None = None) -> list[SimOrder]:
        return [
            order
            for order in self._working.values()
            if order.open and key in (None, order.account) and code in (None, order.code)
        ]

    # --- money --------------------------------------------------------------------------

    def reserve(self, order: SimOrder) -> int:
        """The cash reserved by an open buy order, in won: its price (the upper limit
        for a market order) and the commission, less what its fills have paid."""
        if order.side is Side.SELL or not order.open:
            return 0
        price = order.price or self.board.path(order.code, self.session).upper
        value = price * order.open
        return value + self.costing.fee(order.value + value) - order.fee

    def reserved(self, key: str) -> int:
        return sum(self.reserve(order) for order in self.open_orders(key))

    def orderable(self, key: str) -> int:
        """Buying power, in won."""
        return self.account(key).money - self.reserved(key)

    def sellable(self, key: str, code: str) -> int:
        open_sells = sum(
            order.open for order in self.open_orders(key, code) if order.side is Side.SELL
        )
        return self.account(key).quantity(code) - open_sells

    def affordable(self, key: str, price: int) -> int:
        return affordable(self.orderable(key), price, self.costing)

    # --- numbers and durability -----------------------------------------------------------

    def number(self) -> int:
        found = self.next_order
        self.next_order += 1
        return found

    def exec_number(self) -> int:
        found = self.next_exec
        self.next_exec += 1
        return found

    def touch(self, order: SimOrder, at: datetime) -> None:
        """Mark an order as changed: the lists show it from now on, and the next save writes it."""
        order.mark(at)
        self._touched.add(order.ord_no)
        self._paid.add(order.account)
        self._update_open(order)

    def _update_open(self, order: SimOrder) -> None:
        """Update the working orders and the book from the order's open quantity."""
        if order.open:
            self._working[order.ord_no] = order
        else:
            self._working.pop(order.ord_no, None)
        if order.price:
            self.depth.show(order.ord_no, order.code, order.side, order.price, order.open)

    def queue_moved(self, order: SimOrder) -> None:
        """The order's queue position changed: it must be saved, but no event is sent."""
        self._touched.add(order.ord_no)

    def add(self, order: SimOrder) -> None:
        self.orders[order.ord_no] = order

    def say(self, key: str | None, event: StreamEvent) -> None:
        self.outbox.append((key, event))

    def begin_session(self, session: int) -> None:
        """Begin a session: settle cash, drop the last session's orders and fills, and save."""
        self.session = session
        self.matched = LONG_AGO
        self.orders, self.fills, self._saved_fills = {}, [], 0
        self._working.clear()
        self.depth.clear()
        self._touched.clear()
        for account in self.accounts.values():
            account.begin(session)
        self._paid.update(self.accounts)
        self.save(new_session=True)

    def save(self, *, new_session: bool = False) -> None:
        """Write all changes in one transaction; durable when it returns."""
        if self._state is None:
            self._forget_changes()
            return
        self._update_meta()
        self._state.write(
            self.meta,
            accounts=[self.accounts[key] for key in self._paid],
            orders=[self.orders[number] for number in sorted(self._touched)],
            fills=self.fills[self._saved_fills :],
            consumed=[(name, self.depth.consumed[name]) for name in self.depth.taken],
            new_session=new_session,
        )
        self._forget_changes()

    def save_all(self, state: ExchangeStorage) -> None:
        """Write everything to a new file."""
        self._update_meta()
        state.write(
            self.meta,
            accounts=self.accounts.values(),
            orders=self.orders.values(),
            fills=self.fills,
            consumed=self.depth.consumed.items(),
        )

    def _update_meta(self) -> None:
        self.meta |= {
            "seen": self.seen.isoformat(),
            "next_order": str(self.next_order),
            "next_exec": str(self.next_exec),
            "session": str(self.session),
            "matched": str(self.matched),
            "day": self.board.days.day(self.session).isoformat(),
        }

    def _forget_changes(self) -> None:
        self._paid.clear()
        self._touched.clear()
        self.depth.taken.clear()
        self._saved_fills = len(self.fills)

    def load(self) -> dict[str, str]:
        """Load the state file; returns its meta (empty for a new file)."""
        if self._state is None:
            return {}
        self.meta = self._state.meta()
        if "session" in self.meta:
            self.next_order = int(self.meta["next_order"])
            self.next_exec = int(self.meta["next_exec"])
            self.session = int(self.meta["session"])
            self.matched = int(self.meta["matched"])
            self.accounts = {account.key: account for account in self._state.accounts()}
            self.orders = {order.ord_no: order for order in self._state.orders()}
            self.fills = self._state.fills()
            self._saved_fills = len(self.fills)
            self.depth.consumed = self._state.consumed()
            for order in self.orders.values():
                self._update_open(order)
        return dict(self.meta)
