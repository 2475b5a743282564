"""kt order: single and piped orders; each command first reconciles unknown orders. What other
commands need too is in `kt/cli/support`; no other command is imported."""

from __future__ import annotations

from kt.cli.support.click_extensions import Entry, LazyGroup

order = LazyGroup(
    "order",
    entries={
        "buy": Entry("kt.cli.order.new:buy", "Buy a stock."),
        "sell": Entry("kt.cli.order.new:sell", "Sell a held stock."),
        "amend": Entry("kt.cli.order.change:amend", "Change an open order's price."),
        "cancel": Entry("kt.cli.order.change:cancel", "Cancel an open order."),
        "list": Entry("kt.cli.order.list:list_command", "Show orders."),
        "submit": Entry("kt.cli.order.submit:submit", "Place the orders of piped checks."),
        "resolve": Entry(
            "kt.cli.order.resolve:resolve", "Settle an order whose outcome is unknown."
        ),
    },
    help="""Place, change and list orders.

    \b
      kt order buy 005930 10 --price 70000
      kt analyze 005930 | kt check | kt order submit
      kt order list --unknown

    Every order is checked by the safety rules, recorded before it is sent, and sent
    once. Exit code 7 means that the outcome is unknown: do not send the order
    again, see `kt help recovery`.
    """,
)
