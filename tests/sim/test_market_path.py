"""A session's trades: on the grid, inside the limits, the same at every look, on any machine."""

from __future__ import annotations

import hashlib
import random

import pytest

from kt.rules import ticks
from kt.sim.market.listing import listings
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND, CONTINUOUS_MINUTES
from tests.sim.scene import CODE, chain_of, paths

LATE = 24 * 3600


def fingerprint(seed: int, sessions: tuple[int, ...] = (0,)) -> str:
    """Of every minute and closing print of every stock."""
    digest = hashlib.sha256()
    for session in sessions:
        for code, path in sorted(paths(seed, session).items()):
            numbers = (path.opening, path.closes, path.volumes, path.closing_volume)
            digest.update(repr((code, *numbers)).encode())
    return digest.hexdigest()[:16]


def test_the_market_of_seed_1_is_known() -> None:
    """The same on every machine and Python: a change here changes everybody's first try."""
    assert fingerprint(1, (-1, 0, 1)) == "950e27dfce73c672"


def test_same_seed_same_prices_and_another_seed_others() -> None:
    assert fingerprint(7) == fingerprint(7)
    assert fingerprint(7) != fingerprint(8)
    assert fingerprint(7) != fingerprint(7, (1,))


@pytest.fixture(scope="module")
def session() -> dict[str, SessionPath]:
    return paths(1)


def test_about_200_real_stocks_of_both_markets() -> None:
    known = listings()
    assert 190 <= len(known) <= 210
    assert len({item.code for item in known}) == len(known)
    assert {item.market.value for item in known} == {"KOSPI", "KOSDAQ"}
    assert [item.name for item in known if item.code == "005930"] == ["삼성전자"]
    assert sum(not item.code.isdigit() for item in known) >= 5
    assert all(ticks.is_on_tick(item.base_price) for item in known)


def traded_prices(path: SessionPath, index: int) -> list[int]:
    """The traded prices of a minute, in the order of its seconds."""
    seconds = path.seconds_in(index)
    both = zip(seconds.prices, seconds.quantities, strict=True)
    return [price for price, quantity in both if quantity]


def test_every_price_is_on_the_grid_and_inside_the_limits(session: dict[str, SessionPath]) -> None:
    for path in session.values():
        shown = [path.opening, path.closing_price, *path.closes]
        for index in range(0, CONTINUOUS_MINUTES, 37):
            bar = path.minute(index)
            shown += [bar.high, bar.low, *traded_prices(path, index)]
        assert all(ticks.is_on_tick(price) for price in shown)
        assert path.lower <= min(shown) <= max(shown) <= path.upper


@pytest.mark.parametrize(("seed", "number"), [(2, 0), (3, 1), (4, -2)])
def test_so_they_are_in_other_sessions(seed: int, number: int) -> None:
    for path in paths(seed, number).values():
        shown = {path.opening, path.closing_price, *path.closes}
        assert all(ticks.is_on_tick(price) for price in shown)
        assert path.lower <= min(shown) <= max(shown) <= path.upper
        assert min(path.volumes) >= 4


def test_bars_are_what_the_seconds_trade(session: dict[str, SessionPath]) -> None:
    """Open, high, low, close and volume of a minute are those of its trades."""
    chosen = random.Random(3).sample(sorted(session), 25)
    for code in [*chosen, CODE]:
        path = session[code]
        for index in (0, 1, 57, 200, 379):
            bar, prices = path.minute(index), traded_prices(path, index)
            assert (prices[0], max(prices), min(prices), prices[-1]) == (
                bar.open,
                bar.high,
                bar.low,
                bar.close,
            )
            assert sum(path.quantity_in(index, second) for second in range(60)) == bar.volume


def test_trades_add_up_to_the_volume(session: dict[str, SessionPath]) -> None:
    path = session[CODE]
    total = 0
    for second in range(CLOSING_SECOND + 5):
        trade = path.trade_at(second)
        if trade is not None:
            total += trade.quantity
            assert trade.volume == total
            assert trade.price == path.price_at(second)
    assert total == path.volume_at(LATE) == path.volume_at(CLOSING_SECOND)


def test_any_second_can_be_asked_for_first() -> None:
    listing = next(item for item in listings() if item.code == CODE)
    straight, jumping = (chain_of(1).path(listing, 0) for _ in range(2))
    seconds = list(range(0, CLOSING_SECOND + 60, 211))
    told = [(straight.price_at(at), straight.volume_at(at), straight.side_at(at)) for at in seconds]
    random.Random(5).shuffle(seconds)
    heard = {
        at: (jumping.price_at(at), jumping.volume_at(at), jumping.side_at(at)) for at in seconds
    }
    assert told == [heard[at] for at in sorted(seconds)]


def test_sums_only_grow_and_the_range_holds_the_price(session: dict[str, SessionPath]) -> None:
    for code in random.Random(11).sample(sorted(session), 12):
        path = session[code]
        before = (0, 0)
        for second in range(0, CLOSING_SECOND + 600, 433):
            sums = path.volume_at(second), path.value_at(second)
            assert sums >= before
            assert sums[1] >= before[1]
            before = sums
            opening, high, low = path.range_at(second)
            assert low <= path.price_at(second) <= high
            assert opening == path.opening


def test_before_the_open_nothing_has_traded(session: dict[str, SessionPath]) -> None:
    path = session[CODE]
    assert path.price_at(-1) == path.base
    assert path.volume_at(-1) == path.value_at(-1) == 0
    assert path.range_at(-1) == (0, 0, 0)
    assert path.trade_at(-1) is None


def test_the_closing_auction_is_one_print(session: dict[str, SessionPath]) -> None:
    path = session[CODE]
    quiet = [path.trade_at(second) for second in range(AUCTION_SECOND, CLOSING_SECOND)]
    assert quiet == [None] * len(quiet)
    last = path.trade_at(CLOSING_SECOND)
    assert last is not None
    assert (last.price, last.quantity) == (path.closing_price, path.closing_volume)


def test_a_late_opening_loses_its_first_hour() -> None:
    listing = next(item for item in listings() if item.code == CODE)
    path = chain_of(1).path(listing, 0, skip=60)
    assert path.price_at(3599) == path.base
    first = path.trade_at(3600)
    assert first is not None
    assert first.price == path.opening
    assert first.quantity >= path.auction
    full = chain_of(1).path(listing, 0)
    assert path.price_at(LATE) == full.price_at(LATE)


def test_volume_is_u_shaped_over_the_day(session: dict[str, SessionPath]) -> None:
    running = chain_of(1).planner.surges(0)
    parts = [0.0] * CONTINUOUS_MINUTES
    for code, path in session.items():
        if code not in running:
            for index, volume in enumerate(path.volumes):
                parts[index] += volume / path.volume_at(LATE)
    morning, noon, evening = sum(parts[5:35]), sum(parts[180:210]), sum(parts[345:375])
    assert morning > 2 * noon
    assert evening > 1.1 * noon


def test_sessions_follow_each_other() -> None:
    chain = chain_of(2)
    for listing in listings()[::20]:
        for session in (-20, -1, 0, 1, 5):
            close = chain.close(listing, session)
            assert chain.base(listing, session + 1) == close
            bar = chain.bar(listing, session)
            assert bar.close == close
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            lower, upper = ticks.price_limits(chain.base(listing, session), listing.market)
            assert lower <= bar.low <= bar.high <= upper


def test_a_later_session_is_the_same_whether_or_not_the_earlier_were_played() -> None:
    listing = listings()[40]
    straight, jumping = chain_of(3), chain_of(3)
    for session in range(8):
        straight.path(listing, session)
        straight.forget(session - 2)
    assert straight.path(listing, 7).closes == jumping.path(listing, 7).closes
