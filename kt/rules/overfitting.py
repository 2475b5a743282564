"""How far the best of many backtests can be trusted: the deflated Sharpe ratio and the probability
of backtest overfitting.

Sharpe ratios here are those of one period (a day), not annualised; returns are fractions. What
cannot be computed (too few days, no variation) is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from statistics import NormalDist

from kt.rules.performance import sharpe_of_one

NORMAL = NormalDist()
EULER_MASCHERONI = 0.5772156649015329
BLOCKS = 16
"""Into how many blocks the days are cut at most; the paper's own choice: 12,870 splits."""
FEWEST_DAYS = 8
"""With fewer days there are too few splits (70 of 8 blocks) for a probability."""
MOST_WORK = 2_000_000
"""Splits times sets; with many sets the days are cut into fewer blocks."""


def shape(rates: Sequence[float]) -> tuple[float, float]:
    """Skewness, and kurtosis (3 for a normal distribution); (0, 3) without variation."""
    mean = math.fsum(rates) / len(rates)
    second, third, fourth = (
        math.fsum((one - mean) ** power for one in rates) / len(rates) for power in (2, 3, 4)
    )
    return (third / second**1.5, fourth / second**2) if second > 0 else (0.0, 3.0)


def probabilistic_sharpe(
    observed: float, benchmark: float, count: int, skewness: float, kurtosis: float
) -> float:
    """The probability that the true Sharpe ratio is above `benchmark`, given that of `count`
    returns (Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier", 2012)."""
    spread = 1 - skewness * observed + (kurtosis - 1) / 4 * observed**2
    return NORMAL.cdf((observed - benchmark) * math.sqrt(count - 1) / math.sqrt(max(spread, 1e-12)))


def expected_best_sharpe(variance: float, trials: int) -> float:
    """The highest Sharpe ratio to be expected among so many trials without any skill, when their
    Sharpe ratios have this variance (Bailey and López de Prado, "The Deflated Sharpe Ratio",
    2014)."""
    if trials < 2:
        return 0.0
    usual = NORMAL.inv_cdf(1 - 1 / trials)
    larger = NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - EULER_MASCHERONI) * usual + EULER_MASCHERONI * larger)


def deflated_sharpe(best: Sequence[float], all_sharpes: Sequence[float]) -> float | None:
    """The probability that the Sharpe ratio of the best set's returns is more than the luck of
    choosing it among all (the 2014 paper's DSR). Every trial counts as independent, which errs
    against the set."""
    observed = sharpe_of_one(best)
    if observed is None or not all_sharpes:
        return None
    mean = math.fsum(all_sharpes) / len(all_sharpes)
    squares = math.fsum((one - mean) ** 2 for one in all_sharpes)
    variance = squares / (len(all_sharpes) - 1) if len(all_sharpes) > 1 else 0.0
    luck = expected_best_sharpe(variance, len(all_sharpes))
    return probabilistic_sharpe(observed, luck, len(best), *shape(best))


def blocks_for(days: int, sets: int) -> int:
    """Into how many blocks to cut; even, 0 for too few days or sets."""
    if days < FEWEST_DAYS or sets < 2:
        return 0
    count = min(BLOCKS, days - days % 2)
    while count > FEWEST_DAYS and math.comb(count, count // 2) * sets > MOST_WORK:
        count -= 2
    return count


def overfit_probability(returns: Sequence[Sequence[float]], *, adjusted: bool) -> float | None:
    """The probability that the set which is best in one half of the days is no better than the
    median in the other half: PBO by combinatorially symmetric cross-validation (Bailey, Borwein,
    López de Prado and Zhu, "The Probability of Backtest Overfitting", 2015).

    `returns` has one row of daily returns for each set, all of the same days. Sets are ranked by
    their Sharpe ratio if `adjusted`, otherwise by their mean return.
    """
    days = len(returns[0]) if returns else 0
    count = blocks_for(days, len(returns))
    if not count:
        return None
    edges = [number * days // count for number in range(count + 1)]
    cut = [[_sums(row[a:b]) for a, b in pairwise(edges)] for row in returns]
    whole = [_added(blocks) for blocks in cut]
    rank = _ratio if adjusted else _mean
    poor = splits = 0
    for chosen in combinations(range(count), count // 2):
        inside = [_added([blocks[place] for place in chosen]) for blocks in cut]
        scores = [rank(*sums) for sums in inside]
        best = scores.index(max(scores))
        outside = [
            rank(n - a, s - b, q - c) for (n, s, q), (a, b, c) in zip(whole, inside, strict=True)
        ]
        mine = outside[best]
        below = sum(one < mine for one in outside) + (outside.count(mine) + 1) / 2
        poor += below / (len(outside) + 1) <= 0.5
        splits += 1
    return poor / splits


_Sums = tuple[int, float, float]
"""The number of returns, their sum, the sum of their squares."""


def _sums(rates: Sequence[float]) -> _Sums:
    return len(rates), math.fsum(rates), math.fsum(one * one for one in rates)


def _added(parts: Sequence[_Sums]) -> _Sums:
    return sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts)


def _mean(count: int, total: float, squares: float) -> float:
    return total / count


def _ratio(count: int, total: float, squares: float) -> float:
    """The Sharpe ratio; 0 without variation."""
    variance = squares / count - (total / count) ** 2
    return total / count / math.sqrt(variance) if variance > 1e-18 else 0.0
