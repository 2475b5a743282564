"""kt order: one-off and piped orders. Each begins by settling what is not known yet."""

from __future__ import annotations

from kt.cli.support.click_extensions import Entry, LazyGroup

order = LazyGroup(
    "order",
    entries={
        "buy": Entry("kt.cli.order.new:buy", "Buy a stock."),
        "sell": Entry("kt.cli.order.new:sell", "Sell what is held."),
        "amend": Entry("kt.cli.order.change:amend", "Change an open order's price."),
        "cancel": Entry("kt.cli.order.change:cancel", "Take an open order back."),
        "list": Entry("kt.cli.order.list:list_command", "Show orders."),
        "submit": Entry("kt.cli.order.submit:submit", "Order what a pipe of checks allows."),
        "resolve": Entry("kt.cli.order.resolve:resolve", "Settle an order nobody knows about."),
    },
    help="""Place, change and list orders.

    \b
      kt order buy 005930 10 --price 70000
      kt analyze 005930 | kt check | kt order submit
      kt order list --unknown

    Every order passes the safety rules, is written down before it is sent, and is
    sent once. Exit code 7 means that nobody knows whether the broker took it: do
    not send it again, see `kt help recovery`.
    """,
)
