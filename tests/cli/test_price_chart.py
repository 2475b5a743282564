"""The chart of text cells: dots, levels, the times below it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kt.cli.show.cells import FALL, RISE
from kt.cli.top.price_chart import PriceLevel, draw, merged, visible_levels
from kt.records import Bar
from tests.fakes import OPEN


def bar(minute: int, low: int, high: int, *, falls: bool = False) -> Bar:
    return Bar(
        at=OPEN + timedelta(minutes=minute),
        open=high if falls else low,
        high=high,
        low=low,
        close=low if falls else high,
        volume=10,
    )


RISING = [bar(n, 1_000 + n * 10, 1_010 + n * 10) for n in range(12)]


def lines(*given: object, size: tuple[int, int] = (20, 5)) -> list[str]:
    return str(draw(*given, size, {})).split("\n")  # type: ignore[arg-type]


def test_prices_rise_from_the_lower_left_to_the_upper_right() -> None:
    assert lines(RISING, [], size=(20, 4)) == [
        "        ⣀⣤⠶⠛   1,120",
        "   ⣀⣤⠤⠶⠛⠉           ",
        "⣤⠶⠛⠉           1,000",
        "10:00  10:11",
    ]


@pytest.mark.parametrize("size", [(20, 3), (37, 4), (60, 9), (200, 30)])
@pytest.mark.parametrize("count", [1, 2, 11, 200, 400])
def test_it_fills_its_size_and_no_more(size: tuple[int, int], count: int) -> None:
    bars = [bar(n, 70_000 + n % 7 * 100, 70_100 + n % 7 * 100) for n in range(count)]
    shown = lines(bars, [PriceLevel("stop", 70_050), PriceLevel("손절", 70_600)], size=size)
    assert len(shown) == size[1]
    assert all(len(line) <= size[0] for line in shown)
    dots = sum(letter > "\u2800" and letter <= "\u28ff" for letter in "".join(shown))
    assert dots >= min(count, 10) // 2


def test_without_bars_or_room_there_is_nothing() -> None:
    assert lines([], []) == [""]
    assert lines(RISING, [], size=(19, 5)) == [""] and lines(RISING, [], size=(40, 2)) == [""]


def test_a_level_stands_at_its_price_with_its_name() -> None:
    shown = lines(RISING, [PriceLevel("stop", 1_000)], size=(40, 6))
    assert shown[4].endswith("┈┈┈┈ 1,000") and "stop " in shown[4] and shown[4].startswith("⣶")


def test_levels_far_away_do_not_flatten_the_prices() -> None:
    far = [PriceLevel("stop", 500), PriceLevel("target", 1_170), PriceLevel("none", 0)]
    assert visible_levels(RISING, far) == [PriceLevel("target", 1_170)]


def test_many_minutes_become_one_column_and_few_become_wide() -> None:
    (one,) = merged([bar(0, 900, 1_000), bar(1, 950, 1_200, falls=True)], 1)
    assert (one.open, one.high, one.low, one.close, one.volume) == (900, 1_200, 900, 950, 20)
    assert len(merged(RISING, 24)) == 24 and len(merged(RISING[:1], 100)) == 4
    assert len(merged(RISING * 10, 100)) == 60


def test_the_colour_is_that_of_the_last_minute_in_a_cell() -> None:
    styles = {RISE: "red", FALL: "blue"}
    rising = draw(RISING, [], (40, 4), styles)
    assert {str(span.style) for span in rising.spans} == {"red", "dim", "bold"}
    falling = draw([bar(0, 900, 1_000, falls=True)], [], (40, 4), styles)
    assert "blue" in {str(span.style) for span in falling.spans}
