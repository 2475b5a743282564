"""Events between several queued orders are handled first; and a day cancels what it left open."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt.config.model import Config, Orders, SessionHours
from kt.records import CancelTicket, OrderState, OrderTicket, Side
from kt.steps.orders import place
from kt.steps.risk import check
from tests import fakes
from tests.engine.acting import Stage
from tests.fakes import SAMSUNG, buy

HYNIX, KAKAO = "000660", "035720"


def sent(made: Stage) -> list[tuple[Side, str]]:
    return [
        (ticket.side, ticket.stock_code)
        for ticket in made.world.broker.sent
        if isinstance(ticket, OrderTicket)
    ]


def test_a_stop_loss_does_not_wait_for_the_rest_of_a_batch(tmp_path: Path) -> None:
    made = Stage(tmp_path)
    made.hold()
    broker = made.world.broker
    wanted = {HYNIX: buy(180_000, 1), KAKAO: buy(45_000, 1)}
    made.world.analyst.answers = [wanted]
    usual = broker.place

    def place_and_fall(ticket: OrderTicket) -> object:
        """The held stock's price falls while the first of the two buys is being sent."""
        if ticket.stock_code == HYNIX:
            made.tick(66_000)
        return usual(ticket)

    broker.place = place_and_fall  # type: ignore[method-assign, assignment]
    made.play("10:01")
    made.close()
    assert sent(made) == [(Side.BUY, HYNIX), (Side.SELL, SAMSUNG), (Side.BUY, KAKAO)]


@pytest.mark.parametrize(
    ("close", "ended"), [("14:00", OrderState.CANCELLED), ("15:30", OrderState.EXPIRED)]
)
def test_an_order_open_at_the_end_is_cancelled_if_it_does_not_expire(
    tmp_path: Path, close: str, ended: OrderState
) -> None:
    """The day is configured to end before the market does."""
    hours = SessionHours(last_buy="13:50", close=close, idle="15:45")
    config = Config(session=hours, orders=Orders(unfilled_after=99_999))
    made = Stage(tmp_path, config, start="13:45", until_close=True)
    made.hold()
    wanted = fakes.ticket(Side.SELL, quantity=10, price=71_000)
    checked = check.check_order(made.ctx, fakes.wanted(wanted))
    order = place.place(made.ctx, checked)
    made.play("15:46")
    after = made.world.journal.order(order.order_id)
    made.close()
    assert after is not None and after.state is ended
    cancels = [t for t in made.world.broker.sent if isinstance(t, CancelTicket)]
    assert bool(cancels) == (ended is OrderState.CANCELLED)
