"""The configuration as one frozen value. Every key, its type, its default and its meaning.

Amounts are won, times of day `HH:MM` in Korea, intervals seconds, rates percent.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MOST_WON = 10**13
"""More than any stock trades in a day."""
Won = Annotated[int, Meta(gt=0, le=MOST_WON)]
WonOrNone = Annotated[int, Meta(ge=0, le=MOST_WON)]
Positive = Annotated[int, Meta(gt=0, le=100_000)]
NotNegative = Annotated[int, Meta(ge=0, le=100_000)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
StockCode = Annotated[str, Meta(pattern=r"^[0-9A-Z]{6}$")]
Seconds = Annotated[float, Meta(gt=0, le=604_800)]
"""A week at most."""
Rate = Annotated[float, Meta(gt=0, le=1_000)]
ModelPrice = Annotated[str, Meta(pattern=r"^\S+ \d{1,5}(\.\d+)? \d{1,5}(\.\d+)?$")]
Dollars = Annotated[float, Meta(ge=0, le=100_000)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration."""


class ProfileConfig(Section, frozen=True, kw_only=True):
    """Where a profile's server is, and whether it may send orders.

    `app_key` and `secret_key` never stand in the file: `key_file` names a 0600 file with the
    two, or the environment or the system keyring holds them.
    """

    base_url: str = ""
    """The REST server, by https (plain http on this computer and on sim); empty on sim: the
    embedded exchange's own."""
    ws_url: str = ""
    """The WebSocket server, by wss (plain ws as above); empty on sim."""
    live: bool = False
    """Whether orders may be sent at all. Real orders need a yes for each besides."""
    key_file: str = ""
    """A file of mode 0600 with two lines: app key, secret key."""
    queries_per_second: Rate = 5.0
    """The broker's limit for each query API, shared by all processes of one key."""
    orders_per_second: Rate = 5.0
    """The broker's limit for all order APIs together."""
    commission_pct: Annotated[float, Meta(ge=0, le=5)] = 0.015
    """One side, in percent of the value."""


class Limits(Section, frozen=True, kw_only=True):
    """Levels 1 and 3 of the risk rules."""

    per_stock: Won = 1_000_000
    """Won in one stock at most, open buys included."""
    total: Won = 5_000_000
    """Won in all stocks together at most."""
    daily_loss: Won = 500_000
    """Won lost in one day, realised and unrealised: trading stops until the next trading day."""
    positions: Positive = 10
    """Stocks held at once at most."""
    min_confidence: Share = 0.6
    """A buy the analyst is less sure of is denied."""
    orders_per_minute: Positive = 10
    """Orders sent in one minute at most."""
    orders_per_day: Positive = 200
    """Orders sent in one day at most."""
    max_slippage_pct: Percent = 2.0
    """A limit price further than this from the last price is denied."""
    entries_per_stock: Positive = 3
    """Buys of one stock a day that the analyst may make at most."""
    turnover: Won = 20_000_000
    """Won bought in one day at most, open buys included."""


class Sizing(Section, frozen=True, kw_only=True):
    """How much of what the limits allow a buy uses. The least of all bounds holds, the analyst's
    own quantity among them; each check shows the arithmetic."""

    low_risk_pct: Percent = 100.0
    """Share of the room (cash, and what the limits leave) for a decision of risk LOW."""
    medium_risk_pct: Percent = 75.0
    """The same for MEDIUM."""
    high_risk_pct: Percent = 40.0
    """The same for HIGH."""
    risk_to_stop: WonOrNone = 50_000
    """Won that may be lost when the stop-loss sells at its price. 0 = no bound."""
    calm_range_pct: Percent = 10.0
    """A stock whose price has ranged further than this today gets a share of the room that shrinks
    as the range grows: half at twice as much. 0 = no bound."""
    volume_pct: Percent = 1.0
    """Shares, in percent of the day's volume so far. 0 = no bound."""


class Cooldown(Section, frozen=True, kw_only=True):
    """Minutes for which the analyst does not buy a stock again after leaving it."""

    stop_loss: Annotated[int, Meta(ge=0, le=1440)] = 1440
    """After a stop-loss, a trailing stop or a time stop; 1440 = the rest of the day."""
    take_profit: Annotated[int, Meta(ge=0, le=1440)] = 15
    """After a take-profit; 1440 = the rest of the day."""
    other: Annotated[int, Meta(ge=0, le=1440)] = 5
    """After any other sale."""


class Exits(Section, frozen=True, kw_only=True):
    """Level 2: what every position gets when it opens."""

    stop_loss_pct: Annotated[float, Meta(gt=0, le=30)] = 5.0
    """Sell at market when the price has fallen so far below the average price paid."""
    take_profit_pct: Annotated[float, Meta(gt=0, le=1000)] = 10.0
    """Sell when the price has risen so far above the average price paid."""
    ask_before_profit: bool = False
    """Let the analyst confirm a take-profit (a stop-loss never waits)."""
    trailing_stop_pct: Annotated[float, Meta(ge=0, le=30)] = 0.0
    """Sell at market when the price has fallen so far below its highest since the buy. 0 = off."""
    max_holding_minutes: Annotated[int, Meta(ge=0, le=525_600)] = 0
    """Sell at market what has been held for so long. 0 = off."""
    min_holding_minutes: Annotated[int, Meta(ge=0, le=1440)] = 10
    """The analyst sells nothing that was bought less long ago; exits are not held back."""
    external: Literal["protect", "leave"] = "protect"
    """What kt did not buy: give it a stop-loss and a take-profit from the price at which it was
    found, or leave it alone."""
    cooldown: Cooldown = Cooldown()


class Scan(Section, frozen=True, kw_only=True):
    """The three scans: how often, how many they keep, and what they leave out."""

    fast_every: Seconds = 10.0
    """Seconds between two fast scans."""
    deep_every: Seconds = 60.0
    """Seconds between two deep scans."""
    ai_every: Seconds = 300.0
    """Seconds between two scans by the analyst."""
    fast_keep: Positive = 50
    """Candidates the fast scan keeps."""
    deep_keep: Positive = 20
    """Candidates the deep scan keeps."""
    ai_keep: Positive = 5
    """Candidates the analyst keeps."""
    min_price: WonOrNone = 1_000
    """Cheaper stocks are left out (won)."""
    max_price: WonOrNone = 0
    """0 = no upper bound."""
    min_value: WonOrNone = 1_000_000_000
    """Traded value today."""
    max_change_pct: Percent = 25.0
    """Stocks that have moved further today are left out."""
    exclude: tuple[StockCode, ...] = ()
    """Stock codes never to trade."""


class Cycle(Section, frozen=True, kw_only=True):
    """The main cycle."""

    every: Annotated[float, Meta(ge=1, le=3600)] = 20.0
    """Seconds between two cycles."""
    fill_wait: Seconds = 10.0
    """How long `kt run --once` and `--wait` follow an order before they report it open."""


class Orders(Section, frozen=True, kw_only=True):
    """What happens to orders that stay open; one that was typed by hand keeps its price."""

    unfilled_after: Seconds = 300.0
    """Seconds after which an order that is still open is dealt with."""
    unfilled: Literal["amend", "cancel"] = "amend"
    """What is done with it: follow the price, or take it back."""
    max_amends: NotNegative = 1
    """After so many amends the rest is cancelled."""
    external: Literal["count", "halt"] = "count"
    """Orders at the broker that kt did not place: count them in the limits, or halt."""


class SessionHours(Section, frozen=True, kw_only=True):
    """The trading day."""

    start: TimeOfDay = "08:00"
    """Settings, token, account, reconcile."""
    prepare: TimeOfDay = "08:30"
    """Expected prices, watch list, plan."""
    open: TimeOfDay = "09:00"
    """The stream and trading start."""
    last_buy: TimeOfDay = "15:20"
    """No new buys from here on."""
    close: TimeOfDay = "15:30"
    """Settlement, returns, report."""
    idle: TimeOfDay = "16:00"
    """Waiting for the next trading day."""
    close_positions: bool = False
    """Sell what is held before the close."""


class AnalystConfig(Section, frozen=True, kw_only=True):
    """Who decides. `auto` = gemini when a key is set, otherwise rules (never on `real`)."""

    kind: Literal["auto", "rules", "gemini", "openai"] = "auto"
    fallback: Literal["none", "rules"] = "none"
    """Who decides what the analyst leaves unanswered; none: nothing is done (ABSTAIN)."""
    model: str = ""
    """The provider's model; empty: gemini-flash-latest (openai has no default). `kt doctor` asks it
    and says which one answered."""
    key_name: str = ""
    """The environment variable with the key; empty: GEMINI_API_KEY or OPENAI_API_KEY."""
    base_url: str = ""
    """The provider's server, or a gateway's, by https (plain http on this computer alone); empty:
    the provider's own. For openai it ends where /chat/completions begins: a local server is
    http://127.0.0.1:11434/v1."""
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.0
    """0 = the same question gives the same answer, as far as the model can."""
    timeout: Seconds = 60.0
    """Seconds to wait for an answer, to its last byte."""
    cycle_timeout: Seconds = 90.0
    """Seconds for all that one cycle, or one command, asks: the choice of candidates, the
    decisions and every retry together."""
    language: Literal["en", "ko"] = "en"
    """The language of the model's instructions and of its reasons."""
    horizon_minutes: Annotated[int, Meta(gt=0, le=525_600)] = 60
    """When a decision is judged."""
    budget_usd: Dollars = 0.0
    """Dollars that a day's questions may cost; then nobody is asked until tomorrow. 0 = no end."""
    budget_tokens: Annotated[int, Meta(ge=0, le=10**12)] = 0
    """Tokens, sent and received, that a day's questions may use. 0 = no end."""
    usd_per_million_in: Dollars = 0.30
    """The price of a million tokens sent, for the cost in the journal."""
    usd_per_million_out: Dollars = 2.50
    """The price of a million tokens received."""
    prices: tuple[ModelPrice, ...] = ()
    """The prices of models that cost otherwise, by the beginning of the answering model's name, in
    dollars per million tokens sent and received: `gemini-3-pro 2.0 12.0`."""


class Emergency(Section, frozen=True, kw_only=True):
    """Level 4: what counts as an emergency and what is done."""

    action: Literal["flatten", "reduce", "halt"] = "flatten"
    """What is done. flatten: take back what is open, sell everything, then stop; without a
    connection, as soon as it is back. reduce: buy nothing more; exits stay alive. halt: send
    nothing at all; what is held stays held, without its stop-loss."""
    errors: Positive = 5
    """So many system errors within `window` seconds."""
    window: Seconds = 60.0
    """Seconds over which errors and orders are counted."""
    rejects_in_row: Positive = 5
    """So many orders refused by the broker one after another."""
    burst_orders: Positive = 20
    """So many orders within `window` seconds."""
    price_jump_pct: Percent = 15.0
    """Between two ticks of a held stock."""
    reconnects: Positive = 3
    """Attempts to reconnect before a lost connection is an emergency."""


class Pipe(Section, frozen=True, kw_only=True):
    """Documents between commands."""

    max_age: Seconds = 60.0
    """Older decisions and checks are refused before an order."""
    scan_max_age: Seconds = 600.0
    """Older candidates are refused."""


class Notify(Section, frozen=True, kw_only=True):
    """Who is told. `command` gets the text on stdin; `urls` need the notify extra."""

    command: str = ""
    """Run for every notice, with the text on its stdin."""
    urls: tuple[str, ...] = ()
    """Addresses of notification services (apprise)."""
    level: Literal["info", "warning", "critical"] = "warning"
    """Notices below this level are only shown and journaled."""


class Simulator(Section, frozen=True, kw_only=True):
    """The embedded exchange that starts by itself."""

    seed: Annotated[int, Meta(ge=0, le=10**9)] = 1
    """The same seed makes the same market."""
    speed: Annotated[float, Meta(gt=0, le=100_000)] = 1.0
    """How many times faster than real time its clock runs."""
    cash: Won = 10_000_000
    """What every new account starts with (won)."""
    idle_minutes: Positive = 30
    """It stops by itself after so many minutes without a request."""
    costs: Literal["real", "mock"] = "real"
    """Commission and tax of the real server, or of mock investing."""


ProfileName = Literal["sim", "mock", "real"]

DEFAULT_PROFILES: dict[ProfileName, ProfileConfig] = {
    "sim": ProfileConfig(live=True),
    "mock": ProfileConfig(
        base_url="https://mockapi.kiwoom.com",
        ws_url="wss://mockapi.kiwoom.com:10000/api/dostk/websocket",
        live=True,
        queries_per_second=1.0,
        orders_per_second=1.0,
        commission_pct=0.35,
    ),
    "real": ProfileConfig(
        base_url="https://api.kiwoom.com",
        ws_url="wss://api.kiwoom.com:10000/api/dostk/websocket",
    ),
}


class Config(Section, frozen=True, kw_only=True):
    """Everything, checked. `profile` is one of sim, mock and real."""

    profile: ProfileName = "sim"
    """The embedded exchange, mock investing, or real money."""
    dry_run: bool = False
    """Test mode: do everything but send orders."""
    language: Literal["en", "ko"] = "en"
    """The language of tables: their headings and labels."""
    state_dir: str = ""
    """Default: the platform's state folder."""
    profiles: dict[ProfileName, ProfileConfig] = msgspec.field(
        default_factory=lambda: dict(DEFAULT_PROFILES)
    )
    limits: Limits = Limits()
    sizing: Sizing = Sizing()
    exits: Exits = Exits()
    scan: Scan = Scan()
    cycle: Cycle = Cycle()
    orders: Orders = Orders()
    session: SessionHours = SessionHours()
    analyst: AnalystConfig = AnalystConfig()
    emergency: Emergency = Emergency()
    pipe: Pipe = Pipe()
    notify: Notify = Notify()
    simulator: Simulator = Simulator()

    @property
    def server(self) -> ProfileConfig:
        return self.profiles[self.profile]
