"""A position and a trade in the journal of a front."""

from __future__ import annotations

from kt.records import Position, Trade
from tests.cli.front import Front
from tests.fakes import HYNIX, OPEN, SAMSUNG


def held(front: Front, quantity: int = 10, price: int = 71_000) -> None:
    front.world.journal.put_position(
        Position(
            stock_code=SAMSUNG,
            stock_name="삼성전자",
            quantity=quantity,
            average_price=70_000,
            cost=70_000 * quantity,
            opened_at=OPEN,
            updated_at=OPEN,
            stop_price=66_500,
            target_price=77_000,
            price=price,
            value=price * quantity,
            profit=(price - 70_000) * quantity,
            profit_pct=1.43,
        )
    )


def sold(front: Front) -> None:
    front.world.journal.add_trade(
        Trade(
            stock_code=HYNIX,
            stock_name="SK하이닉스",
            quantity=2,
            buy_price=180_000.0,
            sell_price=185_000.0,
            bought=360_000,
            buy_fee=54,
            fee=50,
            tax=740,
            profit=9_156,
            profit_pct=2.54,
            opened_at=OPEN,
            closed_at=OPEN,
            order_id="O1",
            origin="take_profit",
        )
    )
