"""Do the scans find anything? The forward return of their picks beside that of random picks, on the
exchange's market with its signals switched on and off."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kt.analyst.rules import RulesAnalyst
from kt.config.model import Config
from kt.config.scan import Scan
from kt.records import Candidate
from kt.sim.market.board import Board
from kt.sim.market.depth import Depth
from kt.sim.market.session_days import SessionDays
from kt.sim.market.view import MarketView
from kt.steps.decide import scan
from tests.fakes import World
from tests.sim.scene import DAY, at

STAGES = ("fast", "deep", "ai")
HORIZON = timedelta(minutes=60)
"""`analyst.horizon_minutes`."""
TIMES = (at(10), at(13))
DRAWS = 10_000


@dataclass(frozen=True)
class Moment:
    """One run of the three scans: the mean return of each stage's picks over HORIZON, and of all
    stocks that the fast scan does not exclude, which is what random picks earn on average. In
    percent, without costs."""

    seed: int
    by_stage: dict[str, float]
    random: float


def look(folder: Path, seed: int, time: datetime, *, signals: bool) -> Moment:
    """Scan the market of a seed at a time of its first day; the offline rules are the analyst."""
    board = Board(seed, SessionDays(DAY.date(), 0), signals=signals)
    folder.mkdir(parents=True)
    world = World(folder, at=time)
    try:
        world.market = MarketView(board, Depth(), world.clock.now)  # type: ignore[assignment]
        world.analyst = RulesAnalyst(world.clock)  # type: ignore[assignment]
        every = world.configure(scan=Scan(fast_keep=100_000))
        suitable = scan.fast(every).candidates
        ctx = world.configure(scan=Config().scan)
        fast = scan.fast(ctx).candidates
        deep = scan.deep(ctx, fast).candidates
        ai = scan.shortlist(ctx, deep).candidates
    finally:
        world.close()
    picks = dict(zip(STAGES, (fast, deep, ai), strict=True))
    return Moment(
        seed,
        {stage: mean_return(board, time, found) for stage, found in picks.items()},
        mean_return(board, time, suitable),
    )


def mean_return(board: Board, time: datetime, picks: Iterable[Candidate]) -> float:
    second, later = board.moment(time).second, board.moment(time + HORIZON).second
    paths = [board.path(pick.stock_code, 0) for pick in picks]
    return statistics.mean(
        (path.price_at(later) / path.price_at(second) - 1) * 100 for path in paths
    )


@dataclass(frozen=True)
class Excess:
    """The mean of picks minus random picks over all days, with its 95 % bootstrap interval."""

    stage: str
    picks: float
    random: float
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{self.stage:<5} picks {self.picks:+.3f} %, random {self.random:+.3f} %, "
            f"excess {self.mean:+.3f} % [{self.low:+.3f}, {self.high:+.3f}]"
        )


def excess(moments: Sequence[Moment], stage: str) -> Excess:
    """Whole days are drawn: two moments of one day are not independent."""
    days: dict[int, list[float]] = {}
    for moment in moments:
        days.setdefault(moment.seed, []).append(moment.by_stage[stage] - moment.random)
    means = [statistics.mean(found) for found in days.values()]
    draw = random.Random(1)
    drawn = sorted(statistics.mean(draw.choices(means, k=len(means))) for _ in range(DRAWS))
    return Excess(
        stage,
        statistics.mean(moment.by_stage[stage] for moment in moments),
        statistics.mean(moment.random for moment in moments),
        statistics.mean(means),
        drawn[DRAWS * 25 // 1000],
        drawn[DRAWS * 975 // 1000],
    )
