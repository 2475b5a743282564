"""The market is worth trading in: runs to find, and flows that know a little of what comes."""

from __future__ import annotations

import statistics
from functools import cache

import pytest

from kt.sim.market.board import Board
from kt.sim.market.depth import Depth
from kt.sim.market.listing import listings
from kt.sim.market.path import SessionPath
from kt.sim.market.plan import Planner
from kt.sim.market.session_days import CLOSING_SECOND, SessionDays
from tests.sim.scene import DAY, chain_of

SEEDS = range(1, 21)
EACH = [*SEEDS[:6], *(pytest.param(seed, marks=pytest.mark.soak) for seed in SEEDS[6:])]
"""Where every seed is a market of its own, the routine run plays some of them."""
TEN = 3600
"""10:00, when a new exchange opens."""


@cache
def played(seed: int) -> dict[str, SessionPath]:
    chain = chain_of(seed)
    return {item.code: chain.path(item, 0) for item in listings()}


def order_of(values: list[float]) -> list[int]:
    ranks = [0] * len(values)
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        ranks[index] = rank
    return ranks


def rank_correlation(left: list[float], right: list[float]) -> float:
    return statistics.correlation(order_of(left), order_of(right))


@pytest.mark.parametrize("seed", EACH)
def test_at_least_three_stocks_run_on_high_volume(seed: int) -> None:
    running = [
        item.name
        for item in listings()
        if played(seed)[item.code].volume_at(CLOSING_SECOND) > 3 * item.usual_volume
        and played(seed)[item.code].range_at(CLOSING_SECOND)[1] > 1.03 * item.base_price
    ]
    assert len(running) >= 3


@pytest.mark.parametrize("seed", EACH)
def test_at_ten_a_scan_has_something_to_find(seed: int) -> None:
    """Up 2 to 15 percent on a day's volume within an hour, bought by foreigners or
    institutions, with more buyers than sellers; and most of it still goes up."""
    planner = chain_of(seed).planner
    gains = []
    for item in listings():
        path, plan = played(seed)[item.code], planner.day(item, 0)
        price = path.price_at(TEN)
        if (
            1.02 <= price / path.base <= 1.15
            and path.volume_at(TEN) > 0.7 * item.usual_volume
            and path.strength_at(TEN) > 100
            and max(plan.foreign, plan.institution) > 0
        ):
            gains.append(max(path.price_at(TEN + 60 * n) for n in range(5, 90)) / price - 1)
    assert len(gains) >= 3
    assert sum(gain > 0.015 for gain in gains) >= 2


def test_volume_leads_price_in_a_run() -> None:
    """Before the price of a run moves, its minutes are far busier than usual."""
    found = []
    for seed in SEEDS:
        chain = chain_of(seed)
        for item in listings():
            surge = chain.planner.surges(0).get(item.code)
            if surge and surge.height > 0 and surge.start > 60:
                volumes = chain.path(item, 0).volumes
                calm = statistics.mean(volumes[surge.start - 30 : surge.start - 8])
                found.append(statistics.mean(volumes[surge.start - 4 : surge.start]) / calm)
    assert statistics.median(found) > 2.5


def test_flows_know_a_little_of_what_comes() -> None:
    """Net buying tells something of the rest of the day and of the next one; not much."""
    rest_of_day, next_day = [], []
    for seed in SEEDS:
        chain = chain_of(seed)
        flows, rests, nexts = [], [], []
        for item in listings():
            plan = chain.planner.day(item, 0)
            path = played(seed)[item.code]
            flows.append(plan.foreign + plan.institution)
            rests.append(path.closing_price / path.price_at(TEN))
            nexts.append(chain.close(item, 1) / chain.close(item, 0))
        rest_of_day.append(rank_correlation(flows, rests))
        next_day.append(rank_correlation(flows, nexts))
    assert min(rest_of_day) > 0
    assert min(next_day) > 0
    assert 0.05 < statistics.mean(rest_of_day) < 0.4
    assert 0.05 < statistics.mean(next_day) < 0.4


def test_the_market_as_a_whole_goes_nowhere() -> None:
    """No drift that would make every strategy look good."""
    chain = chain_of(1)
    growth = [chain.close(item, 60) / item.base_price for item in listings()]
    assert 0.75 < statistics.median(growth) < 1.3
    days = [chain.close(item, 0) / item.base_price - 1 for item in listings()]
    assert 0.015 < statistics.pstdev(days) < 0.05


@pytest.mark.parametrize("signals", [True, False])
def test_flows_precede_prices_only_where_the_signals_are_on(signals: bool) -> None:
    flows, changes, surges = [], [], []
    for seed in SEEDS:
        planner = Planner(seed, listings(), signals=signals)
        plans = [planner.day(item, session) for item in listings() for session in (0, 1)]
        flows += [plan.foreign + plan.institution for plan in plans]
        changes += [plan.change - plan.gap for plan in plans]
        surges += [plan.surge.height for plan in plans if plan.surge]
    found = statistics.correlation(flows, changes)
    assert found > 0.2 if signals else abs(found) < 0.03
    assert any(surges) is signals


@pytest.mark.parametrize("signals", [True, False])
def test_books_lean_to_what_is_traded_next_only_where_the_signals_are_on(signals: bool) -> None:
    board = Board(1, SessionDays(DAY.date(), 0), signals=signals)
    depth, leans, moves = Depth(), [], []
    for item in board.listings[:60]:
        path = board.path(item.code, 0)
        for second in range(1800, 12_600, 240):
            book = depth.book(item.code, path, board.unit(item.code), second)
            now, then = path.price_at(second), path.price_at(second + 180)
            leans.append(book.total_bid / max(1, book.total_bid + book.total_ask))
            moves.append(then / now - 1)
    found = rank_correlation(leans, moves)
    assert found > 0.1 if signals else abs(found) < 0.05
