"""Single values of the wire, by rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest

from kt.broker.wire import Row, rows, scalars, tolerant
from kt.broker.wire.units import turnover
from kt.errors import WireError
from kt.records import KST, OrderType, Side

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("000000010000000", 10_000_000),
        ("-00000000004900", -4_900),
        ("+30024", 30_024),
        ("--1855765", -1_855_765),
        ("-0", 0),
        ("+0", 0),
        (" 0", 0),
        ("", None),
        ("   ", None),
        ("4294967295", 4_294_967_295),
        ("-5919641914642", -5_919_641_914_642),
        ("0000000123759593", 123_759_593),
        (870, 870),
        ("260000.00", 260_000),
        ("0.00", 0),
    ],
)
def test_integer(raw: object, value: int | None) -> None:
    assert scalars.integer(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        *["12a", "1,000", "1.5", "- 5", "+-+5", "0x10", "1e5", "１２", "1_000", "٣", "9" * 19],
        *["nan", "-", "+", ".", True, [], {}, 1.5],
    ],
)
def test_an_invalid_integer_is_refused(raw: object) -> None:
    with pytest.raises(ValueError):
        scalars.integer(raw)


def test_a_price_keeps_its_size_and_drops_its_direction() -> None:
    assert scalars.price("-20800") == 20_800
    assert scalars.price("+1851000") == 1_851_000
    assert scalars.price("000000260000") == 260_000
    assert scalars.price("") is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("000000002.98", 2.98),
        ("-00000052.71", -52.71),
        ("-59.46", -59.46),
        ("+79.49", 79.49),
        ("-0.00", 0.0),
        ("46.25", 46.25),
        ("+698", 698.0),
        ("97602.9573459", 97602.9573459),
        ("--3.5", -3.5),
        (".5", 0.5),
        ("", None),
        (1.25, 1.25),
    ],
)
def test_rate(raw: object, value: float | None) -> None:
    found = scalars.rate(raw)
    assert found == value
    assert str(found) != "-0.0"


@pytest.mark.parametrize("raw", ["1.2.3", "abc", "1e3", "inf", "nan", "%", "1,5", float("nan")])
def test_an_invalid_rate_is_refused(raw: object) -> None:
    with pytest.raises(ValueError):
        scalars.rate(raw)


def test_a_fraction_of_a_won_is_rounded() -> None:
    assert scalars.rounded("59813.0426541") == 59_813
    assert scalars.rounded("-59813.6") == -59_814


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("005930", "005930"),
        ("A005930", "005930"),
        ("A0156T0", "0156T0"),
        ("00104K", "00104K"),
        ("005930_NX", "005930"),
        ("005930_AL", "005930"),
        ("A005930_AL", "005930"),
        ("ABCDEF", "ABCDEF"),
        ("A12345", "A12345"),
        ("Q500001", "500001"),
        (" 005930 ", "005930"),
        ("A00593", "A00593"),
    ],
)
def test_code(raw: str, code: str) -> None:
    assert scalars.code(raw) == code


@pytest.mark.parametrize("raw", ["", "5930", "AA005930", "00593０", "005930_XX", "abc123"])
def test_an_invalid_stock_code_is_refused(raw: str) -> None:
    with pytest.raises(ValueError):
        scalars.code(raw)


def test_order_numbers_have_seven_digits_and_zeros_are_none() -> None:
    assert scalars.order_number("00024") == "0000024"
    assert scalars.order_number("0060327") == "0060327"
    assert scalars.order_number("12345678") == "12345678"
    assert scalars.order_number("0000000") == ""
    assert scalars.order_number("") == ""
    with pytest.raises(ValueError):
        scalars.order_number("<new 7-digit>")


def test_days_and_times_are_korean() -> None:
    assert scalars.day("20260703") == date(2026, 7, 3)
    assert scalars.day("00000000") is None
    assert scalars.moment("101414", TODAY) == datetime(2026, 11, 23, 10, 14, 14, tzinfo=KST)
    assert scalars.moment("13:05:43", TODAY) == datetime(2026, 11, 23, 13, 5, 43, tzinfo=KST)
    full = scalars.moment("20260703153000", TODAY)
    assert full == datetime(2026, 7, 3, 15, 30, tzinfo=KST)
    assert full is not None and full.utcoffset() is not None
    assert scalars.moment("", TODAY) is None


@pytest.mark.parametrize("raw", ["1014", "256060", "20261301000000", "00000000101010", "10141x"])
def test_an_invalid_time_is_refused(raw: str) -> None:
    with pytest.raises(ValueError):
        scalars.moment(raw, TODAY)


@pytest.mark.parametrize(
    ("raw", "side"),
    [
        ("+매수", Side.BUY),
        ("-매도", Side.SELL),
        ("현금매수", Side.BUY),
        ("현금매도", Side.SELL),
        ("매도정정", Side.SELL),
        ("+매수정정", Side.BUY),
        ("매수취소", Side.BUY),
        ("2", Side.BUY),
        ("1", Side.SELL),
    ],
)
def test_side(raw: str, side: Side) -> None:
    assert scalars.side(raw) is side


@pytest.mark.parametrize("raw", ["", "정정", "매도매수", "3"])
def test_an_invalid_side_is_refused(raw: str) -> None:
    with pytest.raises(ValueError):
        scalars.side(raw)


def test_words_for_kinds_types_and_statuses() -> None:
    assert scalars.order_kind("+매수", "접수") == "NEW"
    assert scalars.order_kind("+매수정정", "") == "AMEND"
    assert scalars.order_kind("현금매수", "취소") == "CANCEL"
    assert scalars.order_type("시장가") is OrderType.MARKET
    assert scalars.order_type("시장가(IOC)") is OrderType.MARKET
    assert scalars.order_type("3") is OrderType.MARKET
    assert scalars.order_type("보통") is OrderType.LIMIT
    assert scalars.order_type("최유리지정가") is OrderType.LIMIT
    assert [scalars.status(word) for word in ("접수", "확인", "체결", "취소", "거부", "대기")] == [
        "RECEIVED",
        "CONFIRMED",
        "FILL",
        "CANCELLED",
        "REJECTED",
        "대기",
    ]


def test_a_bad_field_names_itself() -> None:
    body = {"cntr": [{"cntr_pric": "12a", "cntr_qty": "1"}]}
    row = next(rows(body, "ka10076"))
    with pytest.raises(WireError) as fault:
        row.price("cntr_pric")
    assert str(fault.value) == "ka10076.cntr[0].cntr_pric: '12a'"
    with pytest.raises(WireError, match=r"ka10076\.cntr\[0\]\.ord_no: None"):
        row.order_number("ord_no")


def test_blanks_are_faults_only_where_there_is_no_default() -> None:
    row = Row({"a": "", "b": None}, "x")
    assert row.integer("a", 0) == 0
    assert row.rate("b", 1.5) == 1.5
    assert row.text("missing", "") == ""
    with pytest.raises(WireError, match=r"x\.a: ''"):
        row.integer("a")


@pytest.mark.parametrize("digits", ["０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९"])
@pytest.mark.parametrize(
    ("parse", "plain"),
    [
        (scalars.integer, "12"),
        (scalars.price, "-20800"),
        (scalars.rate, "2.98"),
        (scalars.rounded, "59813.04"),
        (scalars.code, "005930"),
        (scalars.code, "A005930"),
        (scalars.order_number, "0121751"),
        (scalars.day, "20261123"),
        (lambda raw: scalars.moment(raw, TODAY), "101500"),
        (lambda raw: scalars.moment(raw, TODAY), "10:15:00"),
        (scalars.side, "2"),
    ],
)
def test_digits_of_other_scripts_are_none(
    parse: Callable[[object], object], plain: str, digits: str
) -> None:
    """All of them, or one among ours; Python's own int() and str.isdecimal() take them."""
    assert parse(plain) is not None
    whole = plain.translate(str.maketrans("0123456789", digits))
    first = next(at for at, character in enumerate(plain) if character.isdecimal())
    for raw in (whole, plain[:first] + digits[int(plain[first])] + plain[first + 1 :]):
        with pytest.raises(ValueError):
            parse(raw)


def test_a_text_has_an_end() -> None:
    row = Row({"stk_nm": "가" * scalars.MOST_TEXT, "name": "가" * (scalars.MOST_TEXT + 1)}, "x")
    assert len(row.text("stk_nm")) == scalars.MOST_TEXT
    with pytest.raises(WireError) as caught:
        row.text("name", "")
    assert len(str(caught.value)) < 100


def test_a_long_bad_value_is_quoted_in_part() -> None:
    with pytest.raises(WireError) as fault:
        Row({"a": "x" * 10_000}, "x").integer("a")
    assert len(str(fault.value)) < 120


def test_one_bad_row_does_not_lose_the_others() -> None:
    body = {"cntr": [{"n": "1"}, {"n": "x"}, {"n": ""}, "text", {"n": "4"}]}
    faults: list[WireError] = []
    assert tolerant(body, "ka10076", lambda row: row.integer("n"), faults.append) == [1, 4]
    assert [fault.where for fault in faults] == ["ka10076.cntr[1].n", "ka10076.cntr[3]"]


def test_a_missing_list_is_a_fault() -> None:
    with pytest.raises(WireError, match=r"ka10076\.cntr: None"):
        list(rows({}, "ka10076"))


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"a": "", "b": " ", "c": None, "d": []},
        {"ord_no": "", "ord_qty": "0000000000", "rate": "-0.00", "n": 0},
    ],
)
def test_rows_of_blanks_and_zeros_are_dropped(row: dict[str, object]) -> None:
    """An empty day can come as one such row."""
    assert list(rows({"cntr": [row]}, "ka10076")) == []
    assert list(rows({"cntr": [row | {"e": "5"}]}, "ka10076")) != []


@pytest.mark.parametrize(
    ("raw", "volume", "price", "won"),
    [
        (9_454_829, 31_520_538, 309_500, 9_454_829_000_000),  # ka10081 as recorded: millions
        (3_922_030_535_087, 56_700_518, 69_500, 3_922_030_535_087),  # ka10082's example: won
        (1, 3, 500_000, 1_000_000),
        (1_209_973, 4_294_967_295, 75, 1_209_973_000_000),  # the volume is saturated
        (14_889, 118_636, 156_600, 14_889_000_000),
        (0, 100, 1_000, 0),
        (5, 0, 1_000, 5_000_000),
    ],
)
def test_traded_value_is_won_whatever_the_unit(raw: int, volume: int, price: int, won: int) -> None:
    assert turnover(raw, volume, price) == won
