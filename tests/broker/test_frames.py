"""The frame reader: recorded frames to the right values, faults named, nothing but WireError."""

from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kt.broker.stream.frames import FrameReader
from kt.clock import ManualClock
from kt.errors import WireError
from kt.records import (
    KST,
    BalanceNotice,
    BookUpdate,
    Level,
    OrderNotice,
    SessionNotice,
    Side,
    StreamEvent,
    Tick,
    ViNotice,
)
from tests.broker.scripted import fill, real, trade

DATA = Path(__file__).parents[1] / "data" / "broker"
SHARED = Path(__file__).parents[3] / "shared" / "kiwoom"
NOW = datetime(2026, 11, 23, 10, 30, 1, tzinfo=KST)


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 11, 23, hour, minute, second, tzinfo=KST)


def recorded(name: str) -> bytes:
    return (DATA / f"{name}.json").read_bytes()


class Reading:
    def __init__(self) -> None:
        self.faults: list[str] = []
        self.clock = ManualClock(NOW)
        self.reader = FrameReader(self.clock, lambda fault: self.faults.append(str(fault)))

    def __call__(self, frame: dict[str, Any] | bytes | str) -> list[StreamEvent]:
        if isinstance(frame, dict):
            frame = json.dumps(frame, ensure_ascii=False)
        return self.reader.read(frame if isinstance(frame, bytes) else frame.encode())

    def one(self, frame: dict[str, Any] | bytes) -> Any:
        events = self(frame)
        assert not self.faults
        assert len(events) == 1
        return events[0]


@pytest.fixture
def read() -> Reading:
    return Reading()


def test_recorded_trades(read: Reading) -> None:
    first, second, third = read(recorded("ws-0B"))
    assert first == Tick(
        stock_code="000660",
        price=1_851_000,
        quantity=1,
        side=Side.BUY,
        volume=2_459_487,
        change_pct=0.49,
        at=at(10, 27, 55),
        ask=1_851_000,
        bid=1_850_000,
        strength=100.61,
        open=1_745_000,
        high=1_892_000,
        low=1_735_000,
        received_at=NOW,
    )
    assert isinstance(second, Tick) and isinstance(third, Tick)
    assert (second.price, second.change_pct, second.at) == (251_000, -1.57, at(10, 27, 56))
    assert (third.stock_code, third.quantity, third.at) == ("373220", 4, at(10, 27, 55))
    assert read.faults == []


def test_recorded_fill_with_few_fields(read: Reading) -> None:
    assert read.one(recorded("ws-00")) == OrderNotice(
        ord_no="0108634",
        original_ord_no="",
        stock_code="105560",
        stock_name="",
        status="FILL",
        side=Side.BUY,
        quantity=1,
        price=165_300,
        open_quantity=0,
        at=at(9, 15, 47),
        fill_quantity=1,
        fill_price=165_300,
    )


def test_a_received_order(read: Reading) -> None:
    notice = read.one(recorded("ws-00-example"))
    assert (notice.status, notice.intent, notice.stock_name) == ("RECEIVED", "NEW", "삼성전자")
    assert (notice.quantity, notice.open_quantity, notice.price) == (1, 1, 0)
    assert (notice.reject_reason, notice.exec_no, notice.original_ord_no) == ("", "", "")


def test_an_example_trade_with_blanks(read: Reading) -> None:
    tick = read.one(recorded("ws-0B-example"))
    assert (tick.stock_code, tick.price, tick.open, tick.quantity) == ("005930", 20_800, 20_850, 82)


def test_an_example_book(read: Reading) -> None:
    update = read.one(recorded("ws-0D-example"))
    assert isinstance(update, BookUpdate)
    book = update.book
    assert (len(book.asks), len(book.bids)) == (10, 10)
    assert book.asks[0] == Level(20_800, 82)
    assert book.asks[9] == Level(21_350, 1_242_991)
    assert book.bids[0] == Level(20_700, 23_847)
    assert book.bids[9] == Level(20_250, 1_062_405)
    assert (book.total_ask, book.total_bid) == (12_622_527, 14_453_430)
    assert book.at == update.at == at(16, 52, 7)


def test_an_example_balance(read: Reading) -> None:
    assert read.one(recorded("ws-04-example")) == BalanceNotice(
        stock_code="005930",
        stock_name="삼성전자",
        quantity=102,
        sellable=102,
        average_price=154_116,
        price=60_150,
        realised_today=0,
        at=NOW,
    )


def test_an_example_session(read: Reading) -> None:
    notice = read.one(recorded("ws-0s-example"))
    assert notice == SessionNotice(code="b", at=at(17, 0, 0), left_seconds=0)


@pytest.mark.parametrize(
    ("time", "left", "expected", "seconds"),
    [
        ("085500", "000500", at(8, 55, 0), 300),
        ("888888", "", NOW, 0),
        ("", "12ab34", NOW, 0),
    ],
)
def test_a_session_code_counts_more_than_its_times(
    read: Reading, time: str, left: str, expected: datetime, seconds: int
) -> None:
    notice = read.one(real("0s", {"215": "0", "20": time, "214": left}))
    assert (notice.code, notice.at, notice.left_seconds) == ("0", expected, seconds)


def test_a_volatility_interruption(read: Reading) -> None:
    """The document's example. 1224, the time of the release, is then still to come."""
    assert read.one(recorded("ws-1h-example")) == ViNotice(
        stock_code="005930", active=True, price=4_125, at=at(11, 14, 54)
    )


@pytest.mark.parametrize(
    ("values", "notice"),
    [
        (
            {"9001": "A005930", "9068": "2", "1221": "-4125", "1223": "111454", "1224": "111703"},
            ViNotice(stock_code="005930", active=False, price=4_125, at=at(11, 17, 3)),
        ),
        (
            {"9001": "0156T0", "9068": " 1", "1221": "", "1223": "", "1224": "000000"},
            ViNotice(stock_code="0156T0", active=True, price=0, at=NOW),
        ),
        (
            {"9001": "005930", "9068": "2", "1224": "999999"},
            ViNotice(stock_code="005930", active=False, price=0, at=NOW),
        ),
        (
            {"9001": "005930", "9068": "2", "1224": "000000"},
            ViNotice(stock_code="005930", active=False, price=0, at=NOW),
        ),
    ],
)
def test_the_end_of_an_interruption_and_rows_with_less(
    read: Reading, values: dict[str, str], notice: ViNotice
) -> None:
    assert read.one(real("1h", values, "005930")) == notice


@pytest.mark.parametrize("kind", ["0", "3", "발동", "１"])
def test_an_interruption_of_an_unknown_kind_is_reported_and_loses_no_other(
    read: Reading, kind: str
) -> None:
    frame = real("1h", {"9001": "005930", "9068": kind}, "005930")
    frame["data"] += real("1h", {"9001": "000660", "9068": "1"}, "000660")["data"]
    (event,) = read(frame)
    assert isinstance(event, ViNotice) and event.stock_code == "000660"
    assert read.faults == [f"1h.data[0].9068: {kind!r}"]


@pytest.mark.parametrize(
    ("words", "side", "intent"),
    [
        ("+매수", Side.BUY, "NEW"),
        ("-매도", Side.SELL, "NEW"),
        ("+매수정정", Side.BUY, "AMEND"),
        ("-매도정정", Side.SELL, "AMEND"),
        ("매수취소", Side.BUY, "CANCEL"),
        ("매도취소", Side.SELL, "CANCEL"),
    ],
)
def test_what_an_order_number_stands_for(
    read: Reading, words: str, side: Side, intent: str
) -> None:
    frame = fill("0000007", "005930", 1, 0, 70_000)
    frame["data"][0]["values"]["905"] = words
    notice = read.one(frame)
    assert (notice.side, notice.intent) == (side, intent)


def test_the_side_by_code_when_the_words_are_missing(read: Reading) -> None:
    frame = fill("0000007", "005930", 1, 0, 70_000)
    frame["data"][0]["values"] |= {"905": "", "907": "1"}
    assert read.one(frame).side is Side.SELL


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("접수", "RECEIVED"),
        ("체결", "FILL"),
        ("확인", "CONFIRMED"),
        ("취소", "CANCELLED"),
        ("거부", "REJECTED"),
    ],
)
def test_the_words_for_a_status(read: Reading, word: str, status: str) -> None:
    frame = fill("0000007", "005930", 2, 3, 70_000)
    frame["data"][0]["values"] |= {"913": word, "919": "571557", "904": "0000003"}
    notice = read.one(frame)
    assert (notice.status, notice.reject_reason) == (status, "571557")
    assert notice.original_ord_no == "0000003"
    filled = status == "FILL"
    assert (notice.fill_quantity, notice.fill_price) == ((2, 70_000) if filled else (0, 0))
    assert bool(notice.exec_no) is filled


def test_this_fill_and_not_the_order_so_far(read: Reading) -> None:
    frame = fill("0000007", "005930", 5, 5, 70_000)
    frame["data"][0]["values"] |= {"910": "69900", "911": "8", "914": "+70100", "915": "3"}
    frame["data"][0]["values"] |= {"938": "130", "939": "0"}
    notice = read.one(frame)
    assert (notice.fill_quantity, notice.fill_price, notice.fee) == (3, 70_100, 130)
    frame["data"][0]["values"] |= {"914": "", "915": ""}
    notice = read.one(frame)
    assert (notice.fill_quantity, notice.fill_price) == (8, 69_900)


@pytest.mark.parametrize("missing", ["9203", "9001", "913", "900", "902", "911"])
def test_a_fill_that_does_not_say_what_it_must(read: Reading, missing: str) -> None:
    frame = fill("0000007", "005930", 5, 5, 70_000)
    for name in {missing} | ({"915"} if missing == "911" else set()):
        frame["data"][0]["values"].pop(name)
    assert read(frame) == []
    assert read.faults == [f"00.data[0].{missing}: None"]


@pytest.mark.parametrize("quantity", ["-8", "--8", "-000000000000000000000000008"])
def test_a_seller_who_hit_the_bid(read: Reading, quantity: str) -> None:
    frame = trade("005930", 70_000)
    frame["data"][0]["values"]["15"] = quantity
    tick = read.one(frame)
    assert (tick.side, tick.quantity) == (Side.SELL, 8)


@pytest.mark.parametrize("item", ["005930", "A005930", "005930_AL", "005930_NX", " 005930"])
def test_the_stock_is_named_without_prefix_or_venue(read: Reading, item: str) -> None:
    assert read.one(trade(item, 70_000)).stock_code == "005930"


def test_codes_with_letters(read: Reading) -> None:
    assert read.one(trade("0156T0", 70_000)).stock_code == "0156T0"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("10", "12a"),
        ("10", "0"),
        ("10", "-0"),
        ("10", ""),
        ("10", "1_000"),
        ("10", "٧٠٠٠"),
        ("12", "nan"),
        ("12", "1e3"),
        ("12", "inf"),
        ("13", "7.5"),
        ("15", ""),
        ("20", "256060"),
        ("20", ""),
        ("27", "x"),
        ("228", "Infinity"),
    ],
)
def test_a_broken_field_is_named_and_costs_its_row_alone(
    read: Reading, field: str, value: str
) -> None:
    frame = trade("005930", 1)
    good = trade("000660", 2)["data"][0]
    frame["data"] = [good, *frame["data"], good]
    frame["data"][1]["values"] = {**frame["data"][1]["values"], field: value}
    assert [event.price for event in read(frame)] == [2, 2]  # type: ignore[union-attr]
    assert read.faults == [f"0B.data[1].{field}: {value!r}"]
    assert read.reader.counts["faults"] == 1


@pytest.mark.parametrize(
    "row",
    ["null", "7", '"x"', "[]", "{}", '{"type":"0B"}', '{"type":7,"values":{}}', '{"values":{}}'],
)
def test_a_row_that_is_none(read: Reading, row: str) -> None:
    good = json.dumps(trade("000660", 2)["data"][0])
    assert len(read(f'{{"trnm":"REAL","data":[{good},{row},{good}]}}')) == 2
    assert read.faults == [f"REAL.data[1]: {row.encode()!r}"]


@pytest.mark.parametrize("values", ["null", "[]", '"x"', "7"])
def test_values_that_are_none(read: Reading, values: str) -> None:
    assert read(f'{{"trnm":"REAL","data":[{{"type":"0B","item":"1","values":{values}}}]}}') == []
    assert len(read.faults) == 1
    assert read.faults[0].startswith("0B.data[0].values: ")


def test_numbers_that_are_not_strings(read: Reading) -> None:
    frame = trade("005930", 1)
    frame["data"][0]["values"] |= {"10": -70_000, "13": 12, "12": -1.5, "228": None}
    tick = read.one(frame)
    assert (tick.price, tick.volume, tick.change_pct, tick.strength) == (70_000, 12, -1.5, 0.0)


def test_no_item_is_named(read: Reading) -> None:
    frame = trade("005930", 1)
    frame["data"][0]["item"] = None
    assert read(frame) == []
    assert read.faults == ["0B.data[0].item: ''"]


def test_empty_levels_are_left_out(read: Reading) -> None:
    values = json.loads(recorded("ws-0D-example"))["data"][0]["values"]
    values |= {"41": "-0", "61": "0", "52": "", "72": "", "60": "+20250", "80": "0", "21": "090001"}
    book = read.one(real("0D", values, "005930")).book
    assert [level.price for level in book.asks][:2] == [20_900, 21_000]
    assert [level.price for level in book.bids][:2] == [20_700, 20_600]
    assert (len(book.asks), len(book.bids)) == (9, 8)


def test_other_types_are_counted_and_nothing_more(read: Reading) -> None:
    assert read(real("0H", {"20": "084001"}, "005930")) == []
    assert read.faults == []
    assert read.reader.counts["unknown:0H"] == 1


def test_times_belong_to_the_clocks_day(read: Reading) -> None:
    assert read.one(trade("005930", 1)).at.day == 23
    read.clock.set(datetime(2026, 11, 24, 10, 30, tzinfo=KST))
    assert read.one(trade("005930", 1)).at.day == 24


@pytest.mark.parametrize(
    "frame",
    [b"", b"x", b"\xff", b"[]", b"{}", b'"REAL"', b'{"trnm":7}', b'{"trnm":"REAL","data":{}}'],
)
def test_an_invalid_frame_gives_no_event(read: Reading, frame: bytes) -> None:
    with pytest.raises(WireError, match=r"^frame: "):
        read.reader.open(frame)
    assert read(frame) == []


def test_nesting_without_end(read: Reading) -> None:
    with pytest.raises(WireError):
        read.reader.open(b'{"trnm":"REAL","data":' + b"[" * 100_000)
    deep = b'{"trnm":"REAL","data":[{"type":"0B","values":{"10":' + b"[" * 5000 + b"]" * 5000
    assert read(deep + b"}}]}") == []


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (recorded("ws-login-fail"), True),
        (b'{"trnm":"REG","return_code":0,"return_msg":""}', False),
        (b'{"trnm":"REG","return_code":"0"}', False),
        (b'{"trnm":"REG","return_code":" 105111"}', True),
        (b'{"trnm":"REG"}', False),
    ],
)
def test_answers(read: Reading, answer: bytes, refused: bool) -> None:
    assert read.reader.open(answer).refused is refused


@pytest.mark.skipif(not SHARED.is_dir(), reason="the broker's recordings are not beside this tree")
def test_every_recorded_frame_and_every_example_is_read() -> None:
    kinds = {"00", "04", "0B", "0D", "0s"}
    frames = [
        json.loads(path.read_text())["response"]
        for path in sorted((SHARED / "recorded").glob("ws-*.json"))
    ]
    for kind in kinds:
        frames += json.loads((SHARED / "api" / f"realtime_{kind}.json").read_text())[
            "example_response"
        ]
    for frame in frames:
        read = Reading()
        events = read(frame)
        assert read.faults == []
        assert len(events) == len(frame.get("data") or [])


# --- nothing but WireError, and the fast way reads what the exact way reads ----------------------

FRAMES = [recorded(name) for name in ("ws-0B", "ws-00", "ws-04-example", "ws-0D-example")]
FRAMES += [
    recorded("ws-1h-example"),
    recorded("ws-0s-example"),
    recorded("ws-00-example"),
    recorded("ws-login-fail"),
]
TEXTS = st.one_of(
    st.text(max_size=8),
    st.text("0123456789+-. _eE", max_size=24),
    st.sampled_from(["", "-0", "--5", "+-5", "nan", "1_0", " 7 ", "9" * 30, "٣", "0" * 70 + "5"]),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
)
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(
    st.dictionaries(
        st.sampled_from(["20", "10", "12", "27", "28", "15", "13", "16", "17", "18", "228"]), TEXTS
    )
)
def test_the_fast_way_to_read_a_trade_is_the_exact_way(changes: dict[str, str]) -> None:
    fast, exact = Reading(), Reading()
    exact.reader._readers["0B"] = exact.reader._trade_exactly
    frame = trade("005930", 70_000)
    frame["data"][0]["values"] |= changes
    for escaped in (False, True):
        data = json.dumps(frame, ensure_ascii=escaped).replace("_", "\\u005f" if escaped else "_")
        assert repr(fast(data)) == repr(exact(data))
    assert fast.faults == exact.faults


@SLOW
@given(st.dictionaries(st.sampled_from(["21", "41", "61", "50", "70", "51", "80", "121"]), TEXTS))
def test_the_fast_way_to_read_a_book_is_the_exact_way(changes: dict[str, str]) -> None:
    fast, exact = Reading(), Reading()
    exact.reader._readers["0D"] = exact.reader._book_exactly
    frame = json.loads(recorded("ws-0D-example"))
    frame["data"][0]["values"] |= changes
    assert repr(fast(frame)) == repr(exact(frame))
    assert fast.faults == exact.faults


HEAVY = [b"[" * 3_000, b'{"a":' * 3_000, b"9" * 5_000, b"1e400", b"NaN", b"\\ud800", b" " * 9_000]


def mutated(frame: bytes, chance: random.Random) -> bytes:
    """A frame with a few bytes changed, lost, doubled or moved."""
    data = bytearray(frame)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data) or 1)
        what = chance.randrange(5)
        if what == 0 and data:
            data[place % len(data)] = chance.randrange(256)
        elif what == 1:
            data[place:place] = chance.choice(
                [b'"', b"-", b"{", b"[", b"0", b",", b"null", b"\xff", *HEAVY]
            )
        elif what == 2:
            del data[place : place + chance.randint(1, 12)]
        elif what == 3:
            data[place:place] = data[place : place + chance.randint(1, 40)]
        else:
            for _ in range(chance.randint(1, 4)):
                digits = [i for i, one in enumerate(data) if 48 <= one <= 57]
                if digits:
                    data[chance.choice(digits)] = chance.choice(b"+-. _aA09")
    return bytes(data)


def storm(seed: int, frames: int) -> int:
    """Mutated frames through one reader; whatever comes out must be fit to send on."""
    chance, read = random.Random(seed), Reading()
    events = 0
    for _ in range(frames):
        for event in read(mutated(chance.choice(FRAMES), chance)):
            assert msgspec.json.decode(msgspec.json.encode(event), type=StreamEvent) == event
            events += 1
    assert read.faults
    return events


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_mutated_frames_raise_nothing_but_wire_errors(seed: int) -> None:
    assert storm(seed, 400)


@SLOW
@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_but_wire_errors(data: bytes) -> None:
    read = Reading()
    read(data)
    read(b'{"trnm":"REAL","data":[' + data + b"]}")
    read(b'{"trnm":"REAL","data":[{"type":"00","values":' + data + b"}]}")


@pytest.mark.soak
def test_a_hundred_thousand_mutated_frames() -> None:
    assert sum(storm(seed, 1000) for seed in range(100)) > 1000


@pytest.mark.parametrize("kind", ["00", "04", "0B", "0D", "0s", "1h"])
def test_no_depth_of_nesting_raises(kind: str) -> None:
    """Around the depth at which the decoder gives up, whatever stands on the stack already."""
    read = Reading()
    for before in ('{"zz":', '{"20":"101500","10":'):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            for depth in (*range(1, 50), *range(850, 1_100)):
                inside = opening * depth + "1" + closing * depth
                row = f'{{"type":"{kind}","item":"005930","values":{before}{inside}}}}}'
                assert read(f'{{"trnm":"REAL","data":[{row}]}}') == []
    assert all(len(fault) < 300 for fault in read.faults)
    assert len(read.faults) == 2 * 2 * (49 + 250)


@pytest.mark.parametrize("digits", ["１２", "٣٤", "\\uff11\\uff12"])
@pytest.mark.parametrize("fid", ["10", "12", "13", "15", "20"])
def test_digits_of_other_scripts_are_no_trade(read: Reading, fid: str, digits: str) -> None:
    text = json.dumps(trade("005930", 251_000), ensure_ascii=False)
    (value,) = [v for k, v in trade("005930", 251_000)["data"][0]["values"].items() if k == fid]
    assert read(text.replace(f'"{fid}": "{value}"', f'"{fid}": "{digits}"')) == []
    assert len(read.faults) == 1
    assert read.faults[0].startswith(f"0B.data[0].{fid}: ")


@pytest.mark.parametrize("item", ["００５９３０", "0０5930"])
def test_digits_of_other_scripts_are_no_stock(read: Reading, item: str) -> None:
    assert read(trade(item, 251_000)) == []
    assert read.faults == [f"0B.data[0].item: {item!r}"]
