"""The configuration as one frozen value. Every key, its type, its default and its meaning.

Amounts are won, times of day `HH:MM` in Korea, intervals seconds, rates percent.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kt.config.fields import (
    ANALYST_OR_NONE,
    HOURS_OR_NONE,
    AnalystName,
    Dollars,
    ModelPrice,
    NotNegative,
    Percent,
    Positive,
    Rate,
    Seconds,
    Section,
    Share,
    TimeOfDay,
    Won,
    WonOrNone,
)
from kt.config.questions import Questions
from kt.config.scan import Scan


class ProfileConfig(Section, frozen=True, kw_only=True):
    """The server of a profile, and whether kt may send orders to it.

    The app key and secret key are never in this file: they are in a `key_file` of mode 0600, in the
    environment, or in the system keyring.
    """

    base_url: str = ""
    """The REST server's https address (http only on this computer and on sim); empty on sim: the
    embedded exchange."""
    ws_url: str = ""
    """The WebSocket server's wss address (ws only as above); empty on sim."""
    live: bool = False
    """Whether orders may be sent. Real orders also need a confirmation."""
    key_file: str = ""
    """A file of mode 0600 with two lines: app key, secret key."""
    queries_per_second: Rate = 5.0
    """The broker's limit for each query API, shared by all processes of one key."""
    orders_per_second: Rate = 5.0
    """The broker's limit for all order APIs together."""
    commission_pct: Annotated[float, Meta(ge=0, le=5)] = 0.015
    """Commission of one buy or sell, in percent of its value."""


class Limits(Section, frozen=True, kw_only=True):
    """Levels 1 and 3 of the risk rules."""

    per_stock: Won = 1_000_000
    """Maximum won in one stock, open buys included."""
    total: Won = 5_000_000
    """Maximum won in all stocks together, open buys included."""
    daily_loss: Won = 500_000
    """Realised and unrealised loss of a day (won) at which trading stops until the next trading
    day."""
    positions: Positive = 10
    """Maximum number of stocks held at once."""
    min_confidence: Share = 0.6
    """Buys with a lower confidence of the analyst are denied."""
    orders_per_minute: Positive = 10
    """Maximum number of orders per minute."""
    orders_per_day: Positive = 200
    """Maximum number of orders per day."""
    max_slippage_pct: Percent = 2.0
    """Limit prices further than this from the last price are denied."""
    entries_per_stock: Positive = 3
    """Maximum number of buys per stock and day that the analyst may decide."""
    turnover: Won = 20_000_000
    """Maximum won bought per day, open buys included."""


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
    """Minutes after an exit during which the analyst may not buy the stock again."""

    stop_loss: Annotated[int, Meta(ge=0, le=1440)] = 1440
    """After a stop-loss, a trailing stop or a time stop; 1440 = the rest of the day."""
    take_profit: Annotated[int, Meta(ge=0, le=1440)] = 15
    """After a take-profit; 1440 = the rest of the day."""
    other: Annotated[int, Meta(ge=0, le=1440)] = 5
    """After any other sale."""


class Exits(Section, frozen=True, kw_only=True):
    """Level 2 of the risk rules: the exits of every position."""

    stop_loss_pct: Annotated[float, Meta(gt=0, le=30)] = 5.0
    """Sell at market when the price is this far below the average price."""
    take_profit_pct: Annotated[float, Meta(gt=0, le=1000)] = 10.0
    """Sell when the price is this far above the average price; `questions.profit` first asks the
    analyst."""
    trailing_stop_pct: Annotated[float, Meta(ge=0, le=30)] = 0.0
    """Sell at market when the price is this far below its high since the buy. 0 = off."""
    max_holding_minutes: Annotated[int, Meta(ge=0, le=525_600)] = 0
    """Sell at market after this holding time. 0 = off."""
    min_holding_minutes: Annotated[int, Meta(ge=0, le=1440)] = 10
    """The analyst may not sell before this holding time; exits are not affected."""
    external: Literal["protect", "leave"] = "protect"
    """Shares that kt did not buy: protect them with a stop-loss and a take-profit, based on the
    price when kt first saw them, or leave them alone."""
    cooldown: Cooldown = Cooldown()


class Cycle(Section, frozen=True, kw_only=True):
    """The main cycle."""

    every: Annotated[float, Meta(ge=1, le=3600)] = 20.0
    """Seconds between cycles."""
    fill_wait: Seconds = 10.0
    """Seconds that `kt run --once` and `--wait` wait for fills before they report an order as
    open."""


class Orders(Section, frozen=True, kw_only=True):
    """How kt handles unfilled orders; manual orders keep their price."""

    unfilled_after: Seconds = 300.0
    """Seconds after which an open order counts as unfilled."""
    unfilled: Literal["amend", "cancel"] = "amend"
    """Amend an unfilled order to the current price, or cancel it."""
    max_amends: NotNegative = 1
    """Number of amends after which the rest of the order is cancelled."""
    external: Literal["count", "halt"] = "count"
    """Orders at the broker that kt did not place: count them in the limits, or halt."""


class SessionHours(Section, frozen=True, kw_only=True):
    """The times of the trading day."""

    start: TimeOfDay = "08:00"
    """Start: settings, token, account, reconciliation."""
    prepare: TimeOfDay = "08:30"
    """Preparation: expected prices, watch list, plan."""
    open: TimeOfDay = "09:00"
    """Trading and the live stream start."""
    last_buy: TimeOfDay = "15:20"
    """No new buys from this time on."""
    close: TimeOfDay = "15:30"
    """Close: settlement, returns, report."""
    idle: TimeOfDay = "16:00"
    """From this time on, kt waits for the next trading day."""
    close_positions: bool = False
    """Sell all positions before the close."""


class AnalystConfig(Section, frozen=True, kw_only=True):
    """The analyst. `auto` = gemini if a key is set, otherwise rules (never on `real`)."""

    kind: Literal["auto", "rules", "gemini", "openai"] = "auto"
    fallback: Literal["none", "rules"] = "none"
    """Who decides what the analyst leaves unanswered; none: nothing is done (ABSTAIN)."""
    model: str = ""
    """The provider's model; empty: gemini-flash-latest (openai has no default). `kt doctor` asks it
    and says which one answered."""
    key_name: str = ""
    """The environment variable with the key; empty: GEMINI_API_KEY or OPENAI_API_KEY."""
    key_file: str = ""
    """A file of mode 0600 with the key of `kind` (auto: Gemini's), read when that variable is not
    set; empty: the system keyring."""
    base_url: str = ""
    """The provider's server, or a gateway's, by https (plain http on this computer alone); empty:
    the provider's own. For openai it ends where /chat/completions begins: a local server is
    http://127.0.0.1:11434/v1."""
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.0
    """Sampling temperature; 0 = as deterministic as the model allows."""
    timeout: Seconds = 60.0
    """Seconds to wait for an answer, to its last byte."""
    cycle_timeout: Seconds = 90.0
    """Seconds for all that one cycle, or one command, asks: the choice of candidates, the
    decisions and every retry together."""
    panel: Annotated[tuple[AnalystName, ...], Meta(max_length=7)] = ()
    """Two or more analysts that vote, instead of the one of `kind`: each is `rules`, `gemini` or
    `openai`, with `:MODEL` and `@ADDRESS` where it needs them, such as `openai:gpt-5-mini`. The
    budget is shared evenly; `kt help configuration` says how votes are counted."""
    shadow: Annotated[str, Meta(pattern=ANALYST_OR_NONE)] = ""
    """A second analyst, written as in `panel`, that is asked about the same stocks and only scored
    (`kt pnl --decisions`); empty: none."""
    language: Literal["en", "ko"] = "en"
    """The language of the model's instructions and of its reasons."""
    horizon_minutes: Annotated[int, Meta(gt=0, le=525_600)] = 60
    """Minutes after which a decision is scored."""
    budget_usd: Dollars = 0.0
    """Maximum cost per day in dollars, of all analysts together; after that none is asked until the
    next day. 0 = unlimited."""
    budget_tokens: Annotated[int, Meta(ge=0, le=10**12)] = 0
    """Maximum number of tokens per day, sent and received. 0 = unlimited."""
    usd_per_million_in: Dollars = 0.30
    """The price of a million tokens sent, for the cost in the journal."""
    usd_per_million_out: Dollars = 2.50
    """The price of a million tokens received."""
    prices: tuple[ModelPrice, ...] = ()
    """The prices of models that cost otherwise, by the beginning of the answering model's name, in
    dollars per million tokens sent and received: `gemini-3-pro 2.0 12.0`."""


class Emergency(Section, frozen=True, kw_only=True):
    """Level 4 of the risk rules: what counts as an emergency, and the reaction."""

    action: Literal["flatten", "reduce", "halt"] = "flatten"
    """The reaction. flatten: cancel open buys, sell everything, then halt; without a connection, as
    soon as it is back. reduce: no more buys; exits stay active. halt: send no orders; positions are
    kept, without their stop-loss."""
    errors: Positive = 5
    """Number of system errors within `window` seconds."""
    window: Seconds = 60.0
    """Seconds over which errors and orders are counted."""
    rejects_in_row: Positive = 5
    """Number of consecutive orders refused by the broker."""
    burst_orders: Positive = 20
    """Number of orders within `window` seconds."""
    price_jump_pct: Percent = 15.0
    """Price change between two ticks of a held stock."""
    reconnects: Positive = 3
    """Attempts to reconnect before a lost connection is an emergency."""


class Pipe(Section, frozen=True, kw_only=True):
    """Documents in pipes between commands."""

    max_age: Seconds = 60.0
    """Maximum age of decisions and checks; older ones are refused."""
    scan_max_age: Seconds = 600.0
    """Maximum age of candidates; older ones are refused."""


class Notify(Section, frozen=True, kw_only=True):
    """How the owner is told: by any number of channels. `kt notify test` tries them."""

    command: str = ""
    """Run for every notice, with the text on its stdin."""
    webhook: str = ""
    """An address that gets each notice by POST as JSON, by https (plain http on this computer
    alone)."""
    urls: tuple[str, ...] = ()
    """Addresses of notification services (apprise; `pip install 'kt[notify]'`)."""
    level: Literal["info", "warning", "critical"] = "warning"
    """Notices below this level are only shown and journaled."""
    quiet_hours: Annotated[str, Meta(pattern=HOURS_OR_NONE)] = ""
    """From and until when only critical notices leave, such as 22:00-07:00; empty = never."""
    group_minutes: Annotated[int, Meta(ge=0, le=1440)] = 10
    """Of one title only the first notice leaves within so many minutes; critical ones always do.
    0 = all leave."""
    metrics_file: str = ""
    """A file that `kt run` replaces every minute with figures in Prometheus' text format, as for
    the textfile collector of node_exporter; empty = none."""


class JournalKeeping(Section, frozen=True, kw_only=True):
    """How long the journal keeps what nobody needs for ever: `kt log prune --help` lists it."""

    keep_days: Annotated[int, Meta(ge=0, le=36_500)] = 365
    """Whole days; `kt run` removes older rows when the day is over, `kt log prune` at once. 0 = for
    ever."""


class Simulator(Section, frozen=True, kw_only=True):
    """The embedded exchange."""

    seed: Annotated[int, Meta(ge=0, le=10**9)] = 1
    """The same seed gives the same market."""
    signals: bool = True
    """Whether flows, trade strength, books and surges of volume precede prices; false: a random
    walk that nothing announces, to see what a strategy earns by luck."""
    speed: Annotated[float, Meta(gt=0, le=100_000)] = 1.0
    """Speed of its clock; 60 = 60 times real time."""
    cash: Won = 10_000_000
    """Starting cash of every new account (won)."""
    idle_minutes: Positive = 30
    """Minutes without a request after which it stops."""
    costs: Literal["real", "mock"] = "real"
    """Commission and tax of the real server, or of mock investing."""


class BarFills(Section, frozen=True, kw_only=True):
    """How orders fill in `kt backtest --data`. Bars tell neither the order book nor the queue, so
    this errs against you."""

    market_price: Literal["open", "worse", "extreme"] = "worse"
    """The price of the bar that a market order gets before slippage: its open, the worse of open
    and close, or the worst of all (the high for a buy, the low for a sale)."""
    slippage_ticks: Annotated[int, Meta(ge=0, le=100)] = 1
    """Ticks that a market order gets less than that."""
    limit_touch: bool = False
    """Whether a limit order fills when the price touches it; false: only when it trades beyond."""
    participation_pct: Annotated[float, Meta(gt=0, le=100)] = 10.0
    """The most of a bar's volume that all your orders on a stock get together."""


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
    """The complete configuration."""

    profile: ProfileName = "sim"
    """The embedded exchange, mock investing, or real money."""
    dry_run: bool = False
    """Test mode: do everything but send orders."""
    language: Literal["auto", "en", "ko"] = "auto"
    """The language of all that kt says to people, English or Korean; auto: the locale's. JSON,
    codes and the journal stay English."""
    gain_colors: Literal["red-blue", "green-red", "yellow-blue"] = "red-blue"
    """Colours of gain and loss, of buy and sell: Korea's, the West's, or a pair for eyes that
    tell red from green badly. NO_COLOR turns all off."""
    hints: bool = True
    """After a command on a terminal, one line names what usually follows; --quiet leaves it out."""
    state_dir: str = ""
    """The state folder; empty: the platform's default."""
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
    questions: Questions = Questions()
    emergency: Emergency = Emergency()
    pipe: Pipe = Pipe()
    notify: Notify = Notify()
    journal: JournalKeeping = JournalKeeping()
    simulator: Simulator = Simulator()
    backtest: BarFills = BarFills()

    @property
    def server(self) -> ProfileConfig:
        return self.profiles[self.profile]
