"""A manual order as typed becomes an intent with a price and a number of shares: relative wishes
(`best`, `-1%`, `1,000,000won`, `50%`) are worked out from one snapshot of account and market."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from kt.errors import Denied, UsageError
from kt.records import Order, OrderIntent, OrderType, Origin, Quote, Side
from kt.rules import order_words
from kt.rules.order_words import PriceKind, PriceWish, QuantityKind, QuantityWish
from kt.rules.risk.denials import Code
from kt.steps.context import Context
from kt.steps.instruments import known_list
from kt.steps.risk.account_exposure import exposure_of
from kt.steps.risk.account_snapshot import AccountSnapshot, snapshot


@dataclass(frozen=True, slots=True)
class OrderWish:
    """One order as the user typed it."""

    side: Side
    stock_code: str
    quantity: QuantityWish
    price: PriceWish

    def intent(self, quantity: int, price: int, reason: str = "") -> OrderIntent:
        market = self.price.kind is PriceKind.MARKET
        return OrderIntent(
            side=self.side,
            stock_code=self.stock_code,
            quantity=quantity,
            order_type=OrderType.MARKET if market else OrderType.LIMIT,
            price=0 if market else price,
            origin=Origin.MANUAL,
            reason=reason,
        )


def like(wish: OrderWish, first: Order) -> OrderIntent:
    """The intent of a wish that is repeated after `first`: what it leaves to the market or the
    account is as it was then."""
    return wish.intent(
        wish.quantity.amount if wish.quantity.settled else first.quantity,
        wish.price.amount if wish.price.settled else first.price,
    )


def settle(ctx: Context, wish: OrderWish) -> tuple[OrderIntent, AccountSnapshot | None]:
    """The intent, with the arithmetic as its reason, and the snapshot that it rests on (None when
    nothing had to be worked out). Raises UsageError when that comes to no order, Denied when the
    account is not known, UnknownStock and the market's errors for a missing quote."""
    if wish.price.settled and wish.quantity.settled:
        return wish.intent(wish.quantity.amount, wish.price.amount), None
    account = snapshot(ctx, [wish.stock_code])
    price, said = wish.price.amount, ""
    if not wish.price.settled:
        price, said = limit_price(ctx, wish.price, wish.side, wish.stock_code, account)
    quantity, how = wish.quantity.amount, ""
    if not wish.quantity.settled:
        each = price or _market_price(ctx, wish, account)
        quantity, how = _shares(ctx, wish, each, account)
    if quantity < 1:
        raise UsageError(f"that is less than one share: {how}", hint="Nothing was sent.")
    reason = "; ".join(part for part in (said, how) if part)
    return wish.intent(quantity, price, reason), account


def limit_price(
    ctx: Context,
    wish: PriceWish,
    side: Side,
    stock_code: str,
    account: AccountSnapshot | None = None,
) -> tuple[int, str]:
    """The price of a wish in won, and how it came about. Raises UsageError when the market has
    nothing to take it from."""
    if wish.settled:
        return wish.amount, ""
    stock = (known_list(ctx) or {}).get(stock_code)
    quote = _quote(ctx, stock_code, account)
    try:
        return order_words.price_of(wish, side, quote, stock.kind if stock else "STOCK")
    except ValueError as missing:
        raise UsageError(f"{wish.text} says no price: {missing}", hint="Name one in won.") from None


def _quote(ctx: Context, stock_code: str, account: AccountSnapshot | None) -> Quote:
    """The snapshot's quote with the book's best prices; asked for again when it is missing."""
    found = account.quotes.get(stock_code) if account else None
    quote = found or ctx.market.quote(stock_code)
    if quote.bid and quote.ask:
        return quote
    book = ctx.market.book(stock_code)
    return replace(
        quote,
        bid=book.bids[0].price if book.bids else 0,
        ask=book.asks[0].price if book.asks else 0,
    )


def _market_price(ctx: Context, wish: OrderWish, account: AccountSnapshot) -> int:
    """What a share of a market order may cost (the upper price limit, which the limits count with
    too) or brings about (the last price)."""
    quote = account.quotes.get(wish.stock_code) or ctx.market.quote(wish.stock_code)
    price = quote.upper_limit if wish.side is Side.BUY else quote.price
    if price <= 0:
        raise UsageError(
            f"{wish.quantity.text} cannot be worked out: {wish.stock_code} has no price now",
            hint="Give the number of shares.",
        )
    return price


def _shares(ctx: Context, wish: OrderWish, price: int, account: AccountSnapshot) -> tuple[int, str]:
    exposure = exposure_of(ctx, account)
    percent = wish.quantity.kind is QuantityKind.PERCENT
    if wish.side is Side.BUY:
        room = exposure.room(wish.stock_code)
        if percent and room is None:
            raise _not_known(wish, "what cash and limits leave")
        return order_words.bought_shares(
            wish.quantity, price, room.least if room else 0, ctx.config.server.commission_pct
        )
    held = exposure.holding(wish.stock_code)
    if percent and held is None:
        raise _not_known(wish, "what is held")
    return order_words.sold_shares(wish.quantity, price, held[0] if held else 0)


def _not_known(wish: OrderWish, what: str) -> Denied:
    return Denied(
        f"{wish.quantity.text} cannot be worked out: {what} is not known; nothing was sent",
        hint="Give the number of shares, or try again.",
        code=Code.QUANTITY,
    )
