"""kt balance: the account in one record: cash, holdings, open orders, return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kt.cli.lazy import command, pass_session

if TYPE_CHECKING:
    from kt.cli.session import Session
    from kt.records import Balance, Holding, Position
    from kt.steps.context import Context


@command(
    "balance",
    help="""Show the deposit, what is held, what is open, and the account's return.

    Asks kt00001, kt00018, ka10075 and ka10085. Stop and target are kt's own.
    Prints a `balance` document in a pipe.
    """,
)
@pass_session
def balance(session: Session) -> None:
    run_balance(session)


def run_balance(session: Session) -> None:
    from kt.cli.documents import emit

    ctx = session.context("balance")
    emit(session, "balance", [read_balance(ctx)], run=ctx.run)


def read_balance(ctx: Context) -> Balance:
    """The broker's word on the account, with kt's stops and targets beside the holdings."""
    from kt.records import Balance

    number = ctx.broker.account()
    deposit = ctx.broker.deposit()
    holdings = ctx.broker.holdings()
    known = {position.stock_code: position for position in ctx.journal.positions()}
    return Balance(
        account=hide(number),
        deposit=deposit,
        positions=tuple(
            _position(ctx, item, known.get(item.stock_code)) for item in holdings.items
        ),
        open_orders=ctx.broker.open_orders(),
        total_cost=holdings.total_cost,
        total_value=holdings.total_value,
        total_profit=holdings.total_profit,
        total_profit_pct=holdings.total_profit_pct,
        estimated_assets=holdings.estimated_assets,
        realised_today=sum(item.realised_today for item in ctx.broker.returns()),
        at=ctx.clock.now(),
    )


def hide(number: str) -> str:
    """All but the last four characters of an account number."""
    return "*" * max(0, len(number) - 4) + number[-4:]


def _position(ctx: Context, holding: Holding, known: Position | None) -> Position:
    from kt.records import Position

    now = ctx.clock.now()
    return Position(
        stock_code=holding.stock_code,
        stock_name=holding.stock_name,
        quantity=holding.quantity,
        average_price=holding.average_price,
        cost=holding.cost,
        opened_at=known.opened_at if known else now,
        updated_at=now,
        stop_price=known.stop_price if known else 0,
        target_price=known.target_price if known else 0,
        sellable=holding.sellable,
        price=holding.price,
        value=holding.value,
        profit=holding.profit,
        profit_pct=holding.profit_pct,
        source=known.source if known else "external",
    )
