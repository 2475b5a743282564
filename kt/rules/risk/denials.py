"""The denial codes of the safety rules and what each means."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """The denial codes, in the order in which the rules are applied."""

    HALTED = "HALTED"
    REDUCING = "REDUCING"
    NOT_LIVE = "NOT_LIVE"
    QUANTITY = "QUANTITY"
    UNKNOWN_STOCK = "UNKNOWN_STOCK"
    EXCLUDED = "EXCLUDED"
    WARNED = "WARNED"
    SYMBOL_LOCKED = "SYMBOL_LOCKED"
    SESSION = "SESSION"
    NO_NEW_BUYS = "NO_NEW_BUYS"
    STALE_INPUT = "STALE_INPUT"
    LOW_CONFIDENCE = "LOW_CONFIDENCE"
    OFF_TICK = "OFF_TICK"
    PRICE_LIMIT = "PRICE_LIMIT"
    SLIPPAGE = "SLIPPAGE"
    NOT_HELD = "NOT_HELD"
    SELLABLE = "SELLABLE"
    PER_STOCK_LIMIT = "PER_STOCK_LIMIT"
    TOTAL_LIMIT = "TOTAL_LIMIT"
    MAX_POSITIONS = "MAX_POSITIONS"
    CASH = "CASH"
    ORDERABLE = "ORDERABLE"
    DAILY_LOSS = "DAILY_LOSS"
    COOLDOWN = "COOLDOWN"
    ENTRIES = "ENTRIES"
    TURNOVER = "TURNOVER"
    HOLDING_TIME = "HOLDING_TIME"
    DUPLICATE = "DUPLICATE"
    RATE = "RATE"
    DAY_ORDERS = "DAY_ORDERS"
    TEST_MODE = "TEST_MODE"
    CLIENT_ID = "CLIENT_ID"
    NOT_CONFIRMED = "NOT_CONFIRMED"


DENIALS: dict[Code, str] = {
    Code.HALTED: "kt is halted: no new order of any kind until `kt resume`; cancels stay allowed.",
    Code.REDUCING: "Only orders that shrink a position are allowed until `kt resume`.",
    Code.NOT_LIVE: "This profile may not send orders: its configuration does not say `live: true`.",
    Code.QUANTITY: "There is nothing to order: the size is not a positive number of shares.",
    Code.UNKNOWN_STOCK: "The stock is not in the list of listed stocks.",
    Code.EXCLUDED: "The configuration names this stock as one never to buy.",
    Code.WARNED: "The exchange or the broker warns of this stock.",
    Code.SYMBOL_LOCKED: "The stock is locked, usually by an order whose outcome nobody knows.",
    Code.SESSION: "The market does not take orders now.",
    Code.NO_NEW_BUYS: "The day's time for new buys is over.",
    Code.STALE_INPUT: "What the order rests on is too old, or its time lies in the future.",
    Code.LOW_CONFIDENCE: "The analyst is less sure than the configuration asks for.",
    Code.OFF_TICK: "The price is not on the grid of prices an order may carry.",
    Code.PRICE_LIMIT: "The price lies outside the day's price limits.",
    Code.SLIPPAGE: "The price is too far from the last price.",
    Code.NOT_HELD: "The stock is not held, so there is nothing to sell.",
    Code.SELLABLE: "More than the broker says can be sold.",
    Code.PER_STOCK_LIMIT: "The money in this one stock would exceed its limit.",
    Code.TOTAL_LIMIT: "The money in all stocks together would exceed its limit.",
    Code.MAX_POSITIONS: "As many stocks as allowed are held or being bought already.",
    Code.CASH: "The account's cash for orders does not cover the order and its commission.",
    Code.ORDERABLE: "The broker allows less for this stock than the order and its commission.",
    Code.DAILY_LOSS: "The day's loss limit is reached: no new buys until the next trading day.",
    Code.COOLDOWN: "The stock was sold so lately that the analyst may not buy it again yet.",
    Code.ENTRIES: "As many buys of this stock as allowed were made today.",
    Code.TURNOVER: "The money of all buys of the day would exceed its limit.",
    Code.HOLDING_TIME: "The stock was bought so lately that the analyst may not sell it yet.",
    Code.DUPLICATE: "An order for the same stock and side is under way.",
    Code.RATE: "As many orders as allowed were sent within the last minute.",
    Code.DAY_ORDERS: "As many orders as allowed were sent today.",
    Code.TEST_MODE: "Test mode: everything is done but the sending.",
    Code.CLIENT_ID: "The client id was used before for an order with other contents.",
    Code.NOT_CONFIRMED: "The owner answered the question with no.",
}
"""What each code means, for help and reports. The last two are raised by the journal and by
queries; all others come from `rules/risk/validation.py`."""
