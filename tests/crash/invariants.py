"""What must be true after a restart: kt's books and the broker's say the same, share by share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tests.crash.house import Account, Listed, Row, Truth

OPEN = ("ACKED", "PARTIAL")
PENDING = ("AMENDING", "CANCELLING")
UNRESOLVED = ("PLANNED", "SENDING", "UNKNOWN")
LOOKING = ("order cancel", "order list", "order resolve")
"""Commands that may find out what became of an order, and must never place one."""
NOTHING_TO_DO = ("order", "cancel", "9999999")
"""Reconciles, as every order command does first, and then finds no such order."""


@dataclass(frozen=True)
class Verdict:
    """Everything that differs, by kind, and what is rightly left to a person."""

    differences: tuple[str, ...]
    leftovers: int

    def count(self, kind: str) -> int:
        return sum(line.startswith(f"{kind}:") for line in self.differences)


def examine(account: Account, truth: Truth, foreign: Collection[int] = ()) -> Verdict:
    """Compare. `foreign` are the numbers of orders that the test itself placed over the wire."""
    books = _Books(account, truth, foreign)
    return Verdict(tuple(books.differences()), len(books.unknown))


def after_a_start(account: Account, foreign: Collection[int] = ()) -> Verdict:
    """Start kt once more, then compare. A market that moves between our look and kt's is no
    fault of kt's: looked at again."""
    for _ in range(3):
        before = account.truth()
        ran = account.kt(*NOTHING_TO_DO)
        after = account.truth()
        if before == after:
            break
    verdict = examine(account, after, foreign)
    if ran.code == 2:
        return verdict
    strange = f"strange: the start ended with {ran.code}"
    return Verdict((strange, *verdict.differences), verdict.leftovers)


def assert_well(account: Account, *foreign: int) -> None:
    """The books say what the broker says, and nothing is left to a person."""
    verdict = after_a_start(account, foreign)
    assert not verdict.differences, "\n".join((*verdict.differences, account.told()))
    assert not verdict.leftovers, account.told()


class _Books:
    def __init__(self, account: Account, truth: Truth, foreign: Collection[int]) -> None:
        self.truth, self.foreign = truth, set(foreign)
        every = account.orders()
        self.ours = [row for row in every if row["origin"] != "external"]
        self.by_id = {row["order_id"]: row for row in every}
        self.unknown = [row for row in self.ours if row["state"] in UNRESOLVED]
        self.fills = account.rows("SELECT * FROM fills")
        self.notices = account.rows("SELECT * FROM notices")
        self.locks = account.rows("SELECT * FROM locks")
        self.positions = account.rows("SELECT * FROM positions WHERE quantity <> 0")
        self.trades = account.rows("SELECT * FROM closed_trades")
        self.runs = {row["run"]: row["command"] for row in account.rows("SELECT * FROM runs")}
        self.calls = account.rows("SELECT * FROM api_calls WHERE api_id IN ('kt10000', 'kt10001')")
        self.external = [row for row in every if row["origin"] == "external"]
        self.listed = {row.number: row for row in truth.orders}
        self.owners: dict[int, list[Row]] = defaultdict(list)
        for row in self.ours:
            for number in row["numbers"]:
                self.owners[number].append(row)

    def differences(self) -> Iterator[str]:
        yield from self._duplicates()
        yield from self._orphans()
        yield from self._states()
        yield from self._fills()
        yield from self._positions()
        yield from self._told()

    # --- each order once --------------------------------------------------------------------

    def _duplicates(self) -> Iterator[str]:
        for number, owners in self.owners.items():
            if len(owners) > 1:
                yield f"duplicate: {number} belongs to {[row['order_id'] for row in owners]}"
        for row in self.ours:
            roots = [n for n in row["numbers"] if n in self.listed and self._is_new(n)]
            if len(roots) > 1:
                yield f"duplicate: {row['order_id']} stands at the broker as {roots}"
        typed = Counter(
            row["run"]
            for row in self.ours
            if row["numbers"] and self.runs.get(row["run"], "") in ("order buy", "order sell")
        )
        for run, count in typed.items():
            if count > 1:
                yield f"duplicate: run {run} asked for one order and sent {count}"
        decided = Counter(
            (row["run"], row["decision_id"])
            for row in self.ours
            if row["numbers"] and row["decision_id"]
        )
        for (run, decision), count in decided.items():
            if count > 1:
                yield f"duplicate: decision {decision} of run {run} was sent {count} times"

        looking = [run for run, command in self.runs.items() if command in LOOKING]
        for call in self.calls:
            if call["run"] in looking:
                yield f"duplicate: {self.runs[call['run']]} sent {call['api_id']} by itself"

    def _is_new(self, number: int) -> bool:
        return self.listed[number].kind == "NEW"

    def _orphans(self) -> Iterator[str]:
        explained = {row["order_id"] for row in self.unknown}
        for listed in self.truth.orders:
            if listed.kind != "NEW" or listed.number in self.owners:
                continue
            if listed.number in self.foreign:
                continue
            fitting = (row for row in self.unknown if fits(row, listed))
            match = next((row for row in fitting if row["order_id"] in explained), None)
            if match is None:
                yield f"orphan: kt knows nothing of {listed}"
            else:
                explained.discard(match["order_id"])
        for number, owners in self.owners.items():
            if number not in self.listed:
                yield f"orphan: the broker knows nothing of {number} ({owners[0]['order_id']})"

    # --- what became of each ----------------------------------------------------------------

    def _states(self) -> Iterator[str]:
        for row in self.ours:
            name, state = f"{row['order_id']} ({row['side']} {row['stock_code']})", row["state"]
            if state in PENDING:
                yield f"left: {name} is still {state}"
            if state in ("PLANNED", "SENDING"):
                yield f"left: {name} is still {state}, and nobody was told"
            if not row["numbers"]:
                continue
            chain = self._chain(row)
            unheard = {n for n in chain if self.listed[n].kind == "AMEND"} - set(row["numbers"])
            if unheard:
                yield f"state: {name} was amended to {unheard}, kt knows {row['numbers']}"
            still = sum(self.truth.open.get(number, 0) for number in chain)
            ours = row["quantity"] - row["filled_quantity"] - row["cancelled_quantity"]
            ours = ours if state in OPEN + PENDING else 0
            if still != ours:
                yield f"state: {name} is {state} with {ours} open, at the broker {still} are"
            if still and self._price(chain) != row["price"]:
                yield f"state: {name} stands at {self._price(chain)}, kt says {row['price']}"

    def _chain(self, row: Row) -> set[int]:
        """Every number that goes back to the order's."""
        found = {number for number in row["numbers"] if number in self.listed}
        for listed in self.truth.orders:  # a change comes after what it changes
            if listed.original in found:
                found.add(listed.number)
        return found

    def _price(self, chain: set[int]) -> int:
        newest = max(number for number in chain if self.truth.open.get(number))
        return 0 if self.listed[newest].market else self.listed[newest].price

    # --- each share once --------------------------------------------------------------------

    def _fills(self) -> Iterator[str]:
        booked: dict[int, tuple[int, int]] = {}
        for fill in self.fills:
            if fill["ord_no"]:
                shares, won = booked.get(int(fill["ord_no"]), (0, 0))
                value = fill["quantity"] * fill["price"]
                booked[int(fill["ord_no"])] = (shares + fill["quantity"], won + value)
        for number in sorted({*booked, *self.truth.fills}):
            theirs = self.truth.fills.get(number, (0, 0))
            known = number in self.owners
            if known and booked.get(number, (0, 0)) != theirs:
                yield f"fills: {number}: kt has {booked.get(number, (0, 0))}, the broker {theirs}"
            if not known and number in booked:
                yield f"fills: kt booked {booked[number]} for {number}, which is not its own"
        yield from self._stretches()
        for row in self.ours:
            mine = [fill for fill in self.fills if fill["order_id"] == row["order_id"]]
            shares = sum(fill["quantity"] for fill in mine)
            won = sum(fill["quantity"] * fill["price"] for fill in mine)
            if (shares, won) != (row["filled_quantity"], row["filled_value"]):
                yield (
                    f"fills: {row['order_id']} says {row['filled_quantity']} shares for "
                    f"{row['filled_value']}, its fills {shares} for {won}"
                )
            if shares > row["quantity"]:
                yield f"fills: {row['order_id']} filled {shares} of {row['quantity']}"

    def _stretches(self) -> Iterator[str]:
        """The fills of a number cover its shares from the first one on, each share once."""
        reached: Counter[int] = Counter()
        for fill in sorted(self.fills, key=lambda fill: int(fill["from_quantity"])):
            if not fill["ord_no"]:
                continue
            number, start, end = int(fill["ord_no"]), fill["from_quantity"], fill["to_quantity"]
            if start != reached[number] or end - start != fill["quantity"]:
                yield f"fills: {number}: a fill of {fill['quantity']} is booked as {start}-{end}"
            reached[number] = end

    def _positions(self) -> Iterator[str]:
        doubtful = {row["stock_code"] for row in self.unknown}
        held = {row["stock_code"]: row["quantity"] for row in self.positions}
        sums: Counter[str] = Counter()
        for fill in self.fills:
            bought = fill["side"] == "BUY"
            sums[fill["stock_code"]] += fill["quantity"] if bought else -fill["quantity"]
        for code in sorted({*held, *sums, *self.truth.held}):
            three = (held.get(code, 0), sums[code], self.truth.held.get(code, 0))
            if three[0] != three[1] or (three[1] != three[2] and code not in doubtful):
                yield f"position: {code}: kt holds %d, its fills say %d, the broker %d" % three
        if len(self.external) > len(self.foreign):
            what = [(row["side"], row["stock_code"], row["quantity"]) for row in self.external]
            yield f"position: kt calls {what} somebody else's, who traded {len(self.foreign)} times"
        sold: Counter[str] = Counter()
        for trade in self.trades:
            sold[trade["order_id"]] += trade["quantity"]
        for row in self.by_id.values():
            filled = row["filled_quantity"] if row["side"] == "SELL" else 0
            waits = row["stock_code"] in doubtful and not sold[row["order_id"]]
            if sold[row["order_id"]] != filled and not waits:
                yield (
                    f"position: {row['order_id']} sold {filled}, its trades say "
                    f"{sold[row['order_id']]}"
                )

    # --- what is left to a person -----------------------------------------------------------

    def _told(self) -> Iterator[str]:
        for row in self.unknown:
            if row["state"] != "UNKNOWN":
                continue
            if not any(row["order_id"] in notice["text"] for notice in self.notices):
                yield f"left: nobody was told that {row['order_id']} is UNKNOWN"
            if row["stock_code"] not in {lock["stock_code"] for lock in self.locks}:
                yield f"left: {row['stock_code']} is not locked, {row['order_id']} is UNKNOWN"
        for lock in self.locks:
            order = self.by_id.get(lock["order_id"])
            if order is not None and order["state"] not in UNRESOLVED:
                yield f"left: {lock['stock_code']} is locked for an order that is {order['state']}"


def fits(row: Row, listed: Listed) -> bool:
    """Whether the broker's order may be what kt meant."""
    return (row["side"], row["stock_code"], row["quantity"]) == (
        listed.side,
        listed.code,
        listed.quantity,
    )
