"""Prices and quantities as people type them: `70,000`, `7만`, `best`, `+2t`, `-1%`; `10`,
`1,000,000won`, `50%`; and what they come to when the market and the account are known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from kt.records import Quote, Side
from kt.rules import fees, ticks
from kt.rules.typed_text import folded

MOST_WON = 10**12
MOST_SHARES = 10**9
_HUNDREDTHS = 10_000
"""Hundredths of a percent in a whole."""
_UNITS = {"억": 100_000_000, "만": 10_000, "천": 1_000}
_WHOLE = r"[0-9]{1,20}|[0-9]{1,3}(?:,[0-9]{3}){1,6}"
_AMOUNT = re.compile(rf"(?:{_WHOLE})(?:\.[0-9]{{1,8}})?")
_KOREAN = re.compile(r"(?:([0-9.,]+)억)?(?:([0-9.,]+)만)?(?:([0-9.,]+)천)?([0-9.,]+)?")
_WON = re.compile(r"₩?(.*?)(?:원|won|krw)?", re.IGNORECASE)
_TICKS = re.compile(r"([+-][0-9]{1,3}) ?(?:t|ticks?|틱|호가)", re.IGNORECASE)
_PERCENT = re.compile(r"([+-]?)([0-9]{1,3})(?:\.([0-9]{1,2}))? ?%")


class PriceKind(StrEnum):
    """How a price was given."""

    WON = "won"
    MARKET = "market"
    BEST = "best"
    TICKS = "ticks"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class PriceWish:
    """A price as typed. `amount`: won, ticks, or hundredths of a percent; 0 of MARKET and BEST."""

    text: str
    kind: PriceKind
    amount: int = 0

    @property
    def settled(self) -> bool:
        """Whether no quote is needed to know it."""
        return self.kind in {PriceKind.WON, PriceKind.MARKET}


class QuantityKind(StrEnum):
    """How a quantity was given."""

    SHARES = "shares"
    WON = "won"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class QuantityWish:
    """A quantity as typed. `amount`: shares, won, or hundredths of a percent."""

    text: str
    kind: QuantityKind
    amount: int

    @property
    def settled(self) -> bool:
        """Whether it is a number of shares already."""
        return self.kind is QuantityKind.SHARES


def parse_price(text: str) -> PriceWish:
    """The price that a text means. Raises ValueError, which says what may be written."""
    typed = folded(text)
    word = typed.casefold()
    if word in {"market", "시장가"}:
        return PriceWish("market", PriceKind.MARKET)
    if word in {"best", "최유리"}:
        return PriceWish("best", PriceKind.BEST)
    if found := _TICKS.fullmatch(word):
        return PriceWish(f"{int(found[1]):+d}t", PriceKind.TICKS, int(found[1]))
    if found := _PERCENT.fullmatch(word):
        return _price_percent(typed, found)
    return PriceWish(typed, PriceKind.WON, parse_won(typed, 10**9))


def _price_percent(typed: str, found: re.Match[str]) -> PriceWish:
    amount = _hundredths(found) * (-1 if found[1] == "-" else 1)
    if not found[1] or abs(amount) >= _HUNDREDTHS:
        raise ValueError("needs a sign, as in -1% or +0.5%, and less than 100%")
    return PriceWish(typed.replace(" ", ""), PriceKind.PERCENT, amount)


def parse_quantity(text: str) -> QuantityWish:
    """The quantity that a text means. Raises ValueError, which says what may be written."""
    typed = folded(text)
    if found := _PERCENT.fullmatch(typed):
        amount = _hundredths(found)
        if found[1] or not 0 < amount <= _HUNDREDTHS:
            raise ValueError("is out of range: above 0% to 100%")
        return QuantityWish(typed.replace(" ", ""), QuantityKind.PERCENT, amount)
    money = _WON.fullmatch(typed)
    if money is not None and money[1] != typed:
        return QuantityWish(typed, QuantityKind.WON, parse_won(typed, MOST_WON))
    shares = re.sub(r" ?(?:주|shares?)$", "", typed)
    if not re.fullmatch(_WHOLE, shares):
        raise ValueError("is not a whole number: use digits 0 to 9, or 1,000,000won, or 50%")
    return QuantityWish(shares, QuantityKind.SHARES, _within(shares, MOST_SHARES))


def parse_won(text: str, most: int = MOST_WON) -> int:
    """An amount in won: `70,000`, `7만`, `7만5천원`, `1.5억`. Raises ValueError."""
    found = _WON.fullmatch(folded(text).replace(" ", ""))
    bare = found[1] if found else ""
    if re.fullmatch(_WHOLE, bare):
        return _within(bare, most)
    parts = _KOREAN.fullmatch(bare)
    if not bare or parts is None or not any(parts.groups()[:3]):
        raise ValueError("is not a whole number: use digits 0 to 9, or 만 as in 7만")
    total = 0
    for part, unit in zip(parts.groups(), (*_UNITS.values(), 1), strict=True):
        total += _times(part, unit) if part else 0
    return _within(str(total), most)


def _times(part: str, unit: int) -> int:
    """`1.5` times 10,000, which must be whole."""
    if not _AMOUNT.fullmatch(part):
        raise ValueError("is not a number: use digits 0 to 9 and a point")
    whole, _, decimals = part.replace(",", "").partition(".")
    scaled = int(whole + decimals) * unit
    whole_won, rest = divmod(scaled, int("1" + "0" * len(decimals)))
    if rest:
        raise ValueError("is not a whole number of won")
    return whole_won


def _within(digits: str, most: int) -> int:
    number = int(digits.replace(",", ""))
    if not 0 < number <= most:
        raise ValueError(f"is out of range: 1 to {most:,}")
    return number


def _hundredths(found: re.Match[str]) -> int:
    return int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))


def price_of(wish: PriceWish, side: Side, quote: Quote, kind: str = "STOCK") -> tuple[int, str]:
    """The limit price in won, and how it came about; 0 for a market order.

    `best` is the price at which the order meets the other side at once: the lowest ask for a buy,
    the highest bid for a sell. Ticks and percent count from the last price; a percent between two
    ticks goes to the one that is better for the order: down for a buy, up for a sell. Raises
    ValueError when the quote lacks what is needed.
    """
    if wish.settled:
        return wish.amount, ""
    if wish.kind is PriceKind.BEST:
        best, name = (quote.ask, "ask") if side is Side.BUY else (quote.bid, "bid")
        if best <= 0:
            raise ValueError(f"there is no {name} now")
        return best, f"best {name} {best:,}"
    if quote.price <= 0:
        raise ValueError("there is no last price now")
    if wish.kind is PriceKind.TICKS:
        price = ticks.step(quote.price, wish.amount, kind)
    else:
        part = quote.price * (_HUNDREDTHS + wish.amount)
        exact = part // _HUNDREDTHS if side is Side.BUY else -(-part // _HUNDREDTHS)
        rounded = ticks.round_down if side is Side.BUY else ticks.round_up
        price = max(rounded(exact, kind), ticks.step(0, 1, kind))
    return price, f"{wish.text} from the last {quote.price:,} = {price:,}"


def bought_shares(
    wish: QuantityWish, price: int, room: int, commission_pct: float
) -> tuple[int, str]:
    """The shares of a buy at no more than `price` won each, commission included, and how that came
    about; `room` is what cash and limits leave, in won."""
    money, said = wish.amount, f"{wish.amount:,} won"
    if wish.kind is QuantityKind.PERCENT:
        money = max(0, room) * wish.amount // _HUNDREDTHS
        said = f"{wish.text} of the room {room:,} = {money:,} won"
    shares = fees.affordable(money, price, commission_pct)
    return shares, f"{said}, with fee at {price:,} each = {shares:,} shares"


def sold_shares(wish: QuantityWish, price: int, held: int) -> tuple[int, str]:
    """The shares of a sell, and how that came about: for won at `price` each, for percent of the
    shares held; fractions are left out."""
    if wish.kind is QuantityKind.PERCENT:
        shares = held * wish.amount // _HUNDREDTHS
        return shares, f"{wish.text} of {held:,} held = {shares:,} shares"
    shares = wish.amount // price
    return shares, f"{wish.amount:,} won at {price:,} each = {shares:,} shares"
