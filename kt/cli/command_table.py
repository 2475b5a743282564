"""The table of commands: name, where it is, and its line in `kt --help`."""

from __future__ import annotations

from kt.cli.support.click_extensions import Entry

START = "Start here"
LOOK = "Look"
DECIDE = "Decide"
TRADE = "Trade"
STOP = "Stop"
TOOLS = "Tools"

COMMANDS: dict[str, Entry] = {
    "init": Entry("kt.cli.init:init", "Set kt up: keys, configuration, test.", START),
    "doctor": Entry("kt.cli.doctor:doctor", "Check the set-up and find problems.", START),
    "auth": Entry("kt.cli.commands.auth:auth", "Log in, show the token, log out.", START),
    "sim": Entry("kt.cli.sim:sim", "The embedded exchange.", START),
    "balance": Entry(
        "kt.cli.commands.balance:balance", "Deposit, holdings, open orders, return.", LOOK
    ),
    "watch": Entry("kt.cli.commands.watch:watch", "Live prices, books, fills and balance.", LOOK),
    "top": Entry("kt.cli.top:top", "The live screen: everything at a glance, and keys.", LOOK),
    "pnl": Entry("kt.cli.commands.pnl:pnl", "Profit and loss by day, stock or trade.", LOOK),
    "report": Entry(
        "kt.cli.commands.report:report", "A whole day, and the plan for the next.", LOOK
    ),
    "status": Entry("kt.cli.commands.status:status", "Run, stop, positions and open orders.", LOOK),
    "log": Entry("kt.cli.commands.log:log", "Show the journal's events.", LOOK),
    "latency": Entry(
        "kt.cli.commands.latencies:latency", "How long orders and answers take.", LOOK
    ),
    "scan": Entry("kt.cli.commands.scan:scan", "Find candidates: fast, deep, ai.", DECIDE),
    "analyze": Entry("kt.cli.commands.analyze:analyze", "Decide: buy, sell or hold.", DECIDE),
    "check": Entry("kt.cli.commands.check:check", "Check decisions by the safety rules.", DECIDE),
    "order": Entry("kt.cli.order:order", "Buy, sell, amend, cancel, list, submit.", TRADE),
    "run": Entry("kt.cli.run:run", "Trade automatically.", TRADE),
    "backtest": Entry(
        "kt.cli.commands.backtest:backtest", "Whole trading days on a virtual clock.", TRADE
    ),
    "sweep": Entry(
        "kt.cli.commands.sweep:sweep", "Search configuration values by backtests.", TRADE
    ),
    "replay": Entry("kt.cli.commands.replay:replay", "Run a recorded run again.", TRADE),
    "compare": Entry("kt.cli.commands.compare:compare", "A live day beside its backtest.", TRADE),
    "service": Entry(
        "kt.cli.commands.service:service", "Start the trading day by systemd or cron.", TRADE
    ),
    "halt": Entry("kt.cli.commands.stop:halt", "Stop all new orders.", STOP),
    "reduce": Entry(
        "kt.cli.commands.stop:reduce", "Allow only orders that reduce positions.", STOP
    ),
    "flatten": Entry("kt.cli.commands.stop:flatten", "Cancel buys, sell everything, halt.", STOP),
    "resume": Entry("kt.cli.commands.stop:resume", "Trade again.", STOP),
    "notify": Entry("kt.cli.commands.notify:notify", "Test the notification channels.", TOOLS),
    "api": Entry("kt.cli.commands.api:api", "Call any broker API directly.", TOOLS),
    "schema": Entry("kt.cli.commands.schema:schema", "JSON Schema of the piped documents.", TOOLS),
    "completion": Entry(
        "kt.cli.commands.completion:completion", "Complete words with TAB in your shell.", TOOLS
    ),
    "help": Entry("kt.cli.commands.help:help_command", "Explain a topic.", TOOLS),
}
