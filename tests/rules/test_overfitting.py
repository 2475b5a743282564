"""The deflated Sharpe ratio and the probability of backtest overfitting, against their papers."""

from __future__ import annotations

import math
from itertools import combinations
from random import Random

import pytest

from kt.rules import overfitting


def test_the_worked_example_of_the_deflated_sharpe_ratio() -> None:
    """Bailey and López de Prado (2014), "A numerical example": 100 trials whose annual Sharpe
    ratios have variance 1/2, the best 2.5 over 1,250 days, skewness -3, kurtosis 10."""
    luck = overfitting.expected_best_sharpe(1 / (2 * 250), 100)
    assert luck == pytest.approx(0.1132, abs=5e-5)
    best = 2.5 / math.sqrt(250)
    found = overfitting.probabilistic_sharpe(best, luck, 1250, -3, 10)
    assert found == pytest.approx(0.9004, abs=5e-5)


def test_fewer_trials_deflate_less() -> None:
    """The same paper: with 46 trials the same result would have been accepted at 95%, and with
    normal returns one of 88."""
    best = 2.5 / math.sqrt(250)
    few = overfitting.expected_best_sharpe(1 / (2 * 250), 46)
    assert overfitting.probabilistic_sharpe(best, few, 1250, -3, 10) == pytest.approx(
        0.9505, abs=5e-5
    )
    more = overfitting.expected_best_sharpe(1 / (2 * 250), 88)
    assert overfitting.probabilistic_sharpe(best, more, 1250, 0, 3) == pytest.approx(
        0.9505, abs=5e-5
    )
    assert overfitting.expected_best_sharpe(0.5, 1) == 0


def test_the_deflated_ratio_of_returns() -> None:
    draw = Random(3).gauss
    rates = [draw(0.002, 0.01) for _ in range(250)]
    alone = overfitting.deflated_sharpe(rates, [0.2])
    among = overfitting.deflated_sharpe(rates, [draw(0, 0.1) for _ in range(200)])
    assert alone is not None and among is not None
    assert 0 < among < alone < 1
    assert overfitting.deflated_sharpe([0.01], [0.1]) is None
    assert overfitting.deflated_sharpe([0.0] * 20, [0.1]) is None


def test_skewness_and_kurtosis() -> None:
    skewness, kurtosis = overfitting.shape([1, 1, 1, 5])
    assert (skewness, kurtosis) == (
        pytest.approx(1.1547, abs=1e-4),
        pytest.approx(2.3333, abs=1e-4),
    )
    assert overfitting.shape([2, 2]) == (0.0, 3.0)


def by_definition(returns: list[list[float]]) -> float:
    """The paper's algorithm as it is written: matrix, submatrices, ranks, logits; by the mean."""
    blocks = [row_slice(returns, n) for n in range(8)]
    logits = []
    for chosen in combinations(range(8), 4):
        rest = [block for block in range(8) if block not in chosen]
        train, test = (
            [[rate for block in half for rate in blocks[block][n]] for n in range(len(returns))]
            for half in (chosen, rest)
        )
        best = max(range(len(returns)), key=lambda n: (sum(train[n]) / len(train[n]), -n))
        ordered = sorted(range(len(returns)), key=lambda n: sum(test[n]) / len(test[n]))
        relative = (ordered.index(best) + 1) / (len(returns) + 1)
        logits.append(math.log(relative / (1 - relative)))
    return sum(one <= 0 for one in logits) / len(logits)


def row_slice(returns: list[list[float]], block: int) -> list[list[float]]:
    return [row[block * 2 : block * 2 + 2] for row in returns]


@pytest.mark.parametrize("seed", range(5))
def test_the_probability_is_the_papers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overfitting, "BLOCKS", 8)
    draw = Random(seed).gauss
    returns = [[draw(number / 2000, 0.01) for _ in range(16)] for number in range(7)]
    found = overfitting.overfit_probability(returns, adjusted=False)
    assert found == pytest.approx(by_definition(returns))


def rows(random: Random, sets: int, days: int) -> list[list[float]]:
    return [[random.gauss(0, 0.01) for _ in range(days)] for _ in range(sets)]


def test_skill_is_not_called_overfitting_and_noise_is() -> None:
    draw = Random(1).gauss
    noise = rows(Random(2), 5, 12)
    skill = [*noise, [draw(0.05, 0.01) for _ in range(12)]]
    for adjusted in (False, True):
        assert overfitting.overfit_probability(skill, adjusted=adjusted) == 0
    lucky = [
        overfitting.overfit_probability(rows(Random(run), 5, 12), adjusted=True)
        for run in range(10)
    ]
    assert 0.3 < sum(one or 0 for one in lucky) / len(lucky) < 0.7


def test_too_little_to_say() -> None:
    assert overfitting.overfit_probability([], adjusted=True) is None
    assert overfitting.overfit_probability([[0.1] * 20], adjusted=True) is None
    assert overfitting.overfit_probability([[0.1] * 7, [0.2] * 7], adjusted=True) is None
    assert overfitting.blocks_for(250, 20) == 16
    assert overfitting.blocks_for(250, 5_000) < 16
    assert overfitting.blocks_for(9, 5) == 8
