"""The day's figures in Prometheus' text format, for monitors: replaced as a whole every minute."""

from __future__ import annotations

from collections.abc import Callable

from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.records import UNRESOLVED_STATES, StopMode
from kt.rules.trading_phases import Phase
from kt.steps.context import Context

Publish = Callable[[str], None]
"""Takes the text; never raises."""


def figures(runtime: Runtime) -> str:
    """Samples with their help and type, one metric after another. Money in won; the heartbeat in
    seconds since 1970, by the day's clock."""
    ctx, state = runtime.ctx, runtime.state
    now = ctx.clock.now()
    held = state.positions.values()
    closed = ctx.journal.trades(since=now.date(), until=now.date())
    stop = ctx.journal.stop().mode
    told = (
        ("heartbeat_seconds", "When these figures were made.", f"{now.timestamp():.0f}"),
        ("positions", "Stocks held.", len(held)),
        ("invested_won", "What was paid for them, with costs.", sum(p.cost for p in held)),
        ("unrealised_won", "Profit of what is held.", sum(p.profit for p in held)),
        ("realised_today_won", "Profit of today's sales.", sum(t.profit for t in closed)),
        ("orders_open", "Orders that may still fill.", len(runtime.open_orders())),
        (
            "orders_unknown",
            "Orders whose outcome nobody knows.",
            len(ctx.journal.orders(states=UNRESOLVED_STATES)),
        ),
        ("stream_connected", "1 while prices come by the stream.", int(not state.feed_lost)),
        ("alarms_total", "Emergencies of this run.", len(runtime.report.alarms)),
    )
    profile = f'profile="{ctx.profile}"'
    lines = [line for name, text, value in told for line in _metric(name, text, profile, value)]
    lines += _states("phase", "The part of the trading day.", profile, Phase, state.phase)
    lines += _states("stop", "The stop in force.", profile, StopMode, stop)
    return "\n".join(lines) + "\n"


def _metric(name: str, text: str, labels: str, value: object) -> list[str]:
    kind = "counter" if name.endswith("_total") else "gauge"
    return [*_head(name, text, kind), f"kt_{name}{{{labels}}} {value}"]


def _states(
    name: str, text: str, profile: str, kinds: type[Phase] | type[StopMode], now: object
) -> list[str]:
    """One sample a state, 1 for the one that holds: a state is a label, not a number."""
    samples = [f'kt_{name}{{{profile},{name}="{kind}"}} {int(kind == now)}' for kind in kinds]
    return [*_head(name, text, "gauge"), *samples]


def _head(name: str, text: str, kind: str) -> tuple[str, str]:
    return f"# HELP kt_{name} {text}", f"# TYPE kt_{name} {kind}"


def _write(ctx: Context, publish: Publish, text: str) -> None:
    publish(text)


METRICS = Job("metrics", "the metrics file", _write)
"""On a worker: the decision thread waits for no disk."""


def publish_now(runtime: Runtime) -> None:
    if runtime.publish is not None:
        METRICS.start(runtime, runtime.publish, figures(runtime))
