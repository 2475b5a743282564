"""A stock by its name in every command: one match goes on, several are a question, none is said."""

from __future__ import annotations

import pytest

from kt.errors import ExitCode
from kt.records import OrderTicket, OrderType, Side
from tests.cli.front import GONE, Front
from tests.fakes import HYNIX, NAMES, SAMSUNG

PREFERRED = "005935"


@pytest.fixture(autouse=True)
def _preferred(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, PREFERRED, "삼성전자우")
    front.world.market.prices[PREFERRED] = 50_000


def sent(front: Front) -> OrderTicket:
    (ticket,) = front.world.broker.sent
    assert isinstance(ticket, OrderTicket)
    return ticket


@pytest.mark.parametrize("typed", ["삼성전자", "ㅅㅅㅈㅈ", "Samsung Electronics", "삼성 전자"])
def test_one_match_goes_on_and_says_which(front: Front, typed: str) -> None:
    ran = front("order", "buy", typed, "10", "--price", "70000")
    assert ran.code == 0
    assert ran.err.startswith(f"kt: {typed} is taken for {SAMSUNG} 삼성전자\n")
    assert sent(front).stock_code == SAMSUNG
    assert ran.items[0]["stock_code"] == SAMSUNG


def test_a_code_is_taken_without_any_list(front: Front) -> None:
    front.world.market.failing["instruments"] = GONE
    ran = front("watch", SAMSUNG, "--count", "0")
    assert ran.code == ExitCode.USAGE
    ran = front("order", "list", "--stock", "A005930")
    assert (ran.code, ran.err) == (0, "")
    assert front.world.market.asked == []


def test_several_are_listed_in_a_pipe_and_nothing_is_sent(front: Front) -> None:
    ran = front("order", "buy", "삼성", "10", "--price", "70000")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert ran.err == (
        "kt: '삼성' may be one of these 2:\n"
        "  005930 삼성전자\n"
        "  005935 삼성전자우\n"
        "Give the code, or more of the name.\n"
    )
    assert front.world.broker.sent == []


def test_several_are_a_question_on_a_terminal(front: Front) -> None:
    ran = front("order", "buy", "삼성", "10", "--price", "50000", stdin="2\n", terminal=True)
    assert ran.code == 0
    assert "  1  005930 삼성전자\n  2  005935 삼성전자우\nWhich number? " in ran.err
    assert "kt: 삼성 is taken for 005935 삼성전자우\n" in ran.err
    assert sent(front).stock_code == PREFERRED


@pytest.mark.parametrize("answer", ["", "0\n", "3\n", "y\n", "9" * 5_000 + "\n", "²\n", "-1\n"])
def test_no_choice_sends_nothing(front: Front, answer: str) -> None:
    ran = front("order", "buy", "삼성", "1", "--market", stdin=answer, terminal=True)
    assert ran.code == ExitCode.USAGE
    assert "no stock was chosen" in ran.err
    assert front.world.broker.sent == []


def test_yes_chooses_no_stock(front: Front) -> None:
    ran = front("order", "buy", "삼성", "1", "--market", "--yes", terminal=True)
    assert ran.code == ExitCode.USAGE and front.world.broker.sent == []


def test_no_match_names_what_is_near(front: Front) -> None:
    ran = front("order", "buy", "삼성전저", "1", "--market")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert ran.err.startswith("kt: no stock is called '삼성전저'. Did you mean 삼성전자 (005930)")
    assert front("analyze", "없는회사").err.startswith(
        "kt: no stock is called '없는회사'. Give the"
    )


def test_without_a_list_a_name_is_not_guessed(front: Front) -> None:
    front.world.market.failing["instruments"] = GONE
    ran = front("order", "sell", "삼성전자", "1", "--market")
    assert (ran.code, ran.out) == (ExitCode.UNREACHABLE, "")
    assert ran.err == (
        "kt: '삼성전자' cannot be looked up: no route to the broker. Name the stock by its code.\n"
    )


def test_every_command_that_takes_a_code_takes_a_name(front: Front) -> None:
    assert {item["stock_code"] for item in front("analyze", "하이닉스").items} == {HYNIX}
    front("order", "buy", SAMSUNG, "1", "--price", "70000")
    for command in (("order", "list"), ("log", "--kind", "order")):
        assert front(*command, "--stock", "삼성전자").items
        assert not front(*command, "--stock", "하이닉스").items
    front.world.broker.fill(101, 1, 70_000)
    front("order", "list")
    assert len(front("pnl", "--by", "stock", "--stock", "삼성전자").items) == 1
    assert front("pnl", "--by", "stock", "--stock", "하이닉스").items == []
    assert front("pnl", "--stock", "삼성전자").code == ExitCode.USAGE
    front.rest.answers["ka10001"] = [{"stk_nm": "SK하이닉스"}]
    assert front("api", "ka10001", "하이닉스").code == 0
    assert front.rest.asked == [("ka10001", {"stk_cd": HYNIX})]


def test_an_api_without_input_says_what_it_needs(front: Front) -> None:
    ran = front("api", "ka10001")
    assert (ran.code, ran.out, front.rest.asked) == (ExitCode.USAGE, "", [])
    assert ran.err.startswith("kt: ka10001 (주식기본정보요청) needs stk_cd (종목코드); nothing was")
    assert """`kt api ka10001 '{"stk_cd": "…"}'`""" in ran.err
    ran = front("api", "ka10059", "삼성전자")
    assert ran.code == ExitCode.USAGE and "needs dt (" in ran.err and "unit_tp" in ran.err
    front.rest.answers["ka10001"] = [{"stk_nm": "x"}]
    assert front("api", "ka10001", "{}").code == 0, "what is typed is sent as it is"


@pytest.mark.parametrize(
    ("side", "typed", "quantity", "price", "worked_out"),
    [
        ("buy", ("10", "--price", "+2t"), 10, 70_200, "+2t from the last 70,000 = 70,200"),
        ("buy", ("10", "--price", "-1%"), 10, 69_300, "-1% from the last 70,000 = 69,300"),
        ("buy", ("10", "--price", "best"), 10, 70_100, "best ask 70,100"),
        ("sell", ("10", "--price", "best"), 10, 70_000, "best bid 70,000"),
        (
            "buy",
            ("700,000won", "--price", "7만"),
            9,
            70_000,
            "700,000 won, with fee at 70,000 each = 9 shares",
        ),
        (
            "buy",
            ("50%", "--price", "70000"),
            7,
            70_000,
            "50% of the room 1,000,000 = 500,000 won, with fee at 70,000 each = 7 shares",
        ),
        ("sell", ("50%", "--market"), 10, 0, "50% of 20 held = 10 shares"),
        ("sell", ("100%", "--price", "market"), 20, 0, "100% of 20 held = 20 shares"),
        ("sell", ("140,000won", "--price", "70000"), 2, 70_000, "140,000 won at 70,000 each = 2"),
        (
            "buy",
            ("100만원", "--market"),
            10,
            0,
            "1,000,000 won, with fee at 91,000 each = 10 shares",
        ),
    ],
)
def test_wishes_are_worked_out_and_shown_before_they_are_confirmed(
    front: Front,
    side: str,
    typed: tuple[str, ...],
    quantity: int,
    price: int,
    worked_out: str,
) -> None:
    if side == "sell":
        front.world.broker.hold(SAMSUNG, 20, 70_000)
    ran = front("order", side, SAMSUNG, *typed)
    assert ran.code == 0, ran.err
    assert worked_out in " ".join(ran.err.split()), ran.err
    ticket = sent(front)
    assert (ticket.side, ticket.quantity, ticket.price) == (Side(side.upper()), quantity, price)
    assert ticket.order_type is (OrderType.LIMIT if price else OrderType.MARKET)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("buy", SAMSUNG, "50,000won", "--price", "70000"), "that is less than one share"),
        (("sell", SAMSUNG, "50%", "--price", "70000"), "50% of 0 held = 0 shares"),
        (("buy", SAMSUNG, "10", "--price", "best", "--market"), "give either --price or --market"),
        (("buy", SAMSUNG, "10", "--price", "1%"), "needs a sign"),
        (("buy", SAMSUNG, "7만", "--price", "70000"), "'7만' is not a whole number"),
        (("amend", "101", "--price", "market"), "an amend needs a limit price"),
    ],
)
def test_what_comes_to_no_order_is_refused(front: Front, line: tuple[str, ...], says: str) -> None:
    front.world.market.prices["000100"] = 1_000
    if line[0] == "amend":
        front("order", "buy", SAMSUNG, "1", "--price", "70000")
        front.world.broker.sent.clear()
    ran = front("order", *line)
    assert (ran.code, ran.out) == (ExitCode.USAGE, ""), ran.err
    assert says in ran.err and front.world.broker.sent == []


def test_a_percentage_of_an_account_that_is_not_known_is_denied(front: Front) -> None:
    front.world.broker.failing["deposit"] = GONE
    ran = front("order", "buy", SAMSUNG, "50%", "--price", "70000")
    assert ran.code == ExitCode.DENIED and "is not known; nothing was sent" in ran.err
    assert front.world.broker.sent == []


def test_an_off_tick_price_names_its_neighbours(front: Front) -> None:
    ran = front("order", "buy", SAMSUNG, "1", "--price", "70,050")
    assert ran.code == ExitCode.DENIED
    assert "OFF_TICK: 70,050 is not on the tick of 100: 70,000 or 70,100" in ran.err


def test_a_repeated_client_id_is_the_first_order_whatever_the_market_did(front: Front) -> None:
    line = ("order", "buy", "삼성전자", "50%", "--price", "best", "--client-id", "monday")
    first = front(*line).items
    front.world.market.prices[SAMSUNG] = 80_000
    again = front(*line)
    assert again.code == 0 and "nothing was sent" in again.err
    assert again.items == first
    other = front("order", "buy", "하이닉스", "50%", "--price", "best", "--client-id", "monday")
    assert other.code == ExitCode.DENIED and "belongs to BUY" in other.err
    assert len(front.world.broker.sent) == 1


def test_an_amend_takes_the_same_prices(front: Front) -> None:
    front("order", "buy", SAMSUNG, "1", "--price", "70000")
    ran = front("order", "amend", "101", "--price", "-1%")
    assert ran.code == 0, ran.err
    assert "new price  69,300 won (-1% from the last 70,000 = 69,300)" in ran.err
    assert ran.items[0]["price"] == 69_300
