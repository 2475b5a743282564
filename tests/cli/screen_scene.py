"""A day for the live screen, always the same: positions, orders, a sale, decisions, candidates and
prices, in a real journal over fakes; and the screen over it, for tests and for the picture."""

from __future__ import annotations

import html
import itertools
import random
import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from wcwidth import wcswidth

from kt.cli.support.cli_context import CliContext
from kt.cli.support.console import Console
from kt.cli.support.run_lock import only_one
from kt.cli.top.dashboard import Dashboard
from kt.cli.top.key_command import Ended, KeyCommand
from kt.cli.top.widgets import LinesPanel
from kt.records import Action, Bar, ScanSummary, Side, Tick
from kt.steps.orders import place
from kt.steps.portfolio import daily_pnl
from kt.steps.risk import check
from kt.translation import speaking
from tests import fakes
from tests.cli.front import FakeApp, Front
from tests.fakes import HYNIX, NAMES, OPEN, SAMSUNG
from tests.steps import trading
from tests.store.make import candidate

KAKAO, HYUNDAI = "035720", "005380"
MINUTES = 84
NOW = OPEN + timedelta(minutes=MINUTES - 60)
"""11:24 of a day that opened at 10:00 less an hour."""


def traded(front: Front) -> None:
    """Three positions, one of them sold in part, two open orders, decisions and candidates."""
    world = front.world
    world.market.prices[HYUNDAI] = 212_000
    world.market.bars_by_code[SAMSUNG] = minutes()
    world.analyst.name = "rules"
    _decided(front)
    for code, quantity in ((SAMSUNG, 10), (HYNIX, 4), (KAKAO, 20)):
        trading.bought(world, quantity, code=code)
        world.clock.advance(60)
    sale = trading.resting(world, quantity=4, price=71_400)
    trading.order_tracking.on_notice(world.ctx, world.broker.fill(sale.ord_no, 4, 71_400))
    trading.resting(world, quantity=6, price=71_300)
    wanted = fakes.intent(quantity=3, price=210_500, code=HYUNDAI)
    place.place(world.ctx, check.check_order(world.ctx, replace(wanted, stock_name="현대차")))
    trading.forget(world)
    world.clock.set(NOW)
    daily_pnl.close_day(world.ctx, {})


def _decided(front: Front) -> None:
    journal, at = front.world.journal, front.world.clock.now()
    rows = [
        candidate(
            stock_code=code,
            stock_name=NAMES[code],
            price=price,
            change_pct=change,
            score=score,
            strength=strength,
            stage="ai",
            reasons=(why,),
        )
        for code, price, change, score, strength, why in (
            (SAMSUNG, 70_000, 1.45, 81.5, 131.2, "buyers lead, foreigners +633,418"),
            (HYNIX, 180_000, 2.27, 78.0, 124.8, "volume 4 times the usual"),
            (HYUNDAI, 212_000, 0.95, 71.3, 112.0, "institutions buy for 4 days"),
            (KAKAO, 45_000, -0.66, 64.9, 108.3, "bids 2.1 times the asks"),
        )
    ]
    journal.scan("R0", "ai", at, rows, ScanSummary())
    said = (
        (SAMSUNG, Action.BUY, 0.84, "Buyers lead: trade strength 131, foreigners +633,418."),
        (HYNIX, Action.BUY, 0.77, "Volume 4 times the usual above the mean price."),
        (KAKAO, Action.BUY, 0.68, "Bids 2.1 times the asks; small position."),
        (HYUNDAI, Action.HOLD, 0.61, "Wait for the pullback to 210,500."),
    )
    decisions = [
        replace(
            trading.decided(front.world, action=action, confidence=sure, reason=why, price=price),
            stock_code=code,
            stock_name=NAMES[code],
        )
        for (code, action, sure, why), price in zip(said, (70_000, 180_000, 45_000, 0), strict=True)
    ]
    journal.decisions("R0", decisions)


def minutes(price: int = 69_300) -> tuple[Bar, ...]:
    """A stock's minutes since 09:00, a walk from a seed that ends at about 71,000."""
    walk, bars = random.Random(7), []
    for minute in range(MINUTES):
        steps = [price + 100 * walk.choice((-1, 0, 0, 1, 1)) for _ in range(4)]
        bars.append(
            Bar(
                at=NOW - timedelta(minutes=MINUTES - minute),
                open=price,
                high=max(price, *steps),
                low=min(price, *steps),
                close=steps[-1],
                volume=1_000,
            )
        )
        price = steps[-1] - (200 if steps[-1] > 71_400 else 0)
    return tuple(bars)


def tick(code: str, price: int) -> Tick:
    return Tick(
        stock_code=code,
        price=price,
        quantity=10,
        side=Side.BUY,
        volume=1_000_000,
        change_pct=1.0,
        at=NOW,
    )


def command_line(front: Front, *, color: bool = True) -> CliContext:
    """A command line on a terminal over this front's world."""
    console = Console(
        in_terminal=True,
        out_terminal=True,
        err_terminal=True,
        width=120,
        environ={} if color else {"NO_COLOR": "1"},
    )
    return CliContext(
        console=console,
        environ=front.environ,
        build_app=lambda made: FakeApp(front, made),  # type: ignore[arg-type,return-value]
    )


@contextmanager
def running(front: Front) -> Iterator[None]:
    """As if `kt run` ran since 08:00 in this process."""
    cli, journal = command_line(front), front.world.journal
    with only_one(cli.app.paths, "run", OPEN - timedelta(hours=2)):
        journal.start_run("RUN", "run", "test")
        journal.heartbeat("RUN", "run", front.world.clock.now())
        yield


class Commands:
    """Runs the commands of keys over the same world; remembers them."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.ran: list[KeyCommand] = []

    def __call__(self, command: KeyCommand) -> Ended:
        self.ran.append(command)
        done = self.front(*command.words, *(["--yes"] if command.sends else []))
        return Ended(done.code, done.err.strip())


@asynccontextmanager
async def screen(
    front: Front, size: tuple[int, int] = (120, 40), *, lang: str = "en", color: bool = True
) -> Any:
    """The screen over this world with its first snapshot, and the pilot that presses keys."""
    cli = command_line(front, color=color)
    app = Dashboard(cli, cli.context("top"), Commands(front), deque())
    with speaking(lang):
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: app.snapshot is not None)
            yield app, pilot


TEXT = re.compile(
    r'<text class="([^"]+)" x="([^"]+)" y="([^"]+)" textLength="([^"]+)"([^>]*)>([^<]*)<'
)


def widened(svg: str) -> str:
    """The picture with Hangul in its place: the toolkit counts letters where cells count, so each
    run of wide or of narrow letters becomes a text of its own."""

    def runs(found: re.Match[str]) -> str:
        look, x, y, length, rest, words = found.groups()
        letters = html.unescape(words)
        if wcswidth(letters) == len(letters):
            return found[0]
        each, cell, texts = float(length) / len(letters), 0, []
        for wide, group in itertools.groupby(letters, lambda letter: wcswidth(letter) == 2):
            run = "".join(group)
            place = f'x="{float(x) + each * cell:g}" y="{y}"'
            size = f'textLength="{each * wcswidth(run):g}"'
            said = html.escape(run).replace(" ", "&#160;")
            texts.append(f'<text class="{look}" {place} {size}{rest}>{said}<')
            cell += len(run) * (1 + wide)
        return "/text>".join(texts)

    return TEXT.sub(runs, svg)


async def until(pilot: Any, done: Any) -> None:
    """Let the screen work until a condition holds."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        await pilot.pause(0.005)
        if done():
            await pilot.pause()
            return
    raise AssertionError("the screen did not get there")


def at_its_end(panel: LinesPanel) -> bool:
    """Whether the newest line is in sight, where that is what the panel follows."""
    return not panel.grows or panel.scroll_offset.y >= panel.max_scroll_y


def text(app: Dashboard) -> str:
    """What is on the screen now, without colours."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in lines)


async def picture(front: Front, size: tuple[int, int], lang: str) -> str:
    """The screen of this day as SVG."""
    async with screen(front, size, lang=lang) as (app, pilot):
        app.live.load(SAMSUNG)
        await until(pilot, lambda: app.live.state == "connected")
        for code, price in ((SAMSUNG, 71_300), (HYNIX, 178_600), (KAKAO, 45_450)):
            front.stream.say(tick(code, price))
        await until(pilot, lambda: "178,600" in text(app) and "⣀" in text(app))
        await until(pilot, lambda: all(map(at_its_end, app.query(LinesPanel))))
        return widened(app.export_screenshot(title="kt top"))
