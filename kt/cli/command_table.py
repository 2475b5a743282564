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
    "init": Entry("kt.cli.commands.init:init", "Write a configuration file.", START),
    "doctor": Entry("kt.cli.doctor:doctor", "Find out what is wrong.", START),
    "auth": Entry("kt.cli.commands.auth:auth", "Log in, see the token, log out.", START),
    "sim": Entry("kt.cli.sim:sim", "The embedded exchange.", START),
    "balance": Entry(
        "kt.cli.commands.balance:balance", "Deposit, holdings, open orders, return.", LOOK
    ),
    "watch": Entry("kt.cli.commands.watch:watch", "Live prices, books, fills and balance.", LOOK),
    "pnl": Entry("kt.cli.commands.pnl:pnl", "Profit and loss by day, stock or trade.", LOOK),
    "status": Entry(
        "kt.cli.commands.status:status", "What runs, what is held, what is open.", LOOK
    ),
    "log": Entry("kt.cli.commands.log:log", "What happened.", LOOK),
    "scan": Entry("kt.cli.commands.scan:scan", "Find candidates: fast, deep, ai.", DECIDE),
    "analyze": Entry("kt.cli.commands.analyze:analyze", "Decide: buy, sell or hold.", DECIDE),
    "check": Entry(
        "kt.cli.commands.check:check", "Put decisions through the safety rules.", DECIDE
    ),
    "order": Entry("kt.cli.order:order", "Buy, sell, amend, cancel, list, submit.", TRADE),
    "run": Entry("kt.cli.run:run", "The automated trading day.", TRADE),
    "halt": Entry("kt.cli.commands.stop:halt", "No new order of any kind.", STOP),
    "reduce": Entry("kt.cli.commands.stop:reduce", "Only orders that shrink a position.", STOP),
    "flatten": Entry("kt.cli.commands.stop:flatten", "Cancel buys, sell everything, halt.", STOP),
    "resume": Entry("kt.cli.commands.stop:resume", "Trade again.", STOP),
    "api": Entry("kt.cli.commands.api:api", "Call any API of the broker, raw.", TOOLS),
    "schema": Entry("kt.cli.commands.schema:schema", "JSON Schema of what the pipes carry.", TOOLS),
    "help": Entry("kt.cli.commands.help:help_command", "Explain a topic.", TOOLS),
}
