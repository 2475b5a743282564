"""kt sim: the embedded exchange and its scenarios. No other command is imported here."""

from __future__ import annotations

from kt.cli.support.click_extensions import Entry, LazyGroup

sim = LazyGroup(
    "sim",
    entries={
        "start": Entry("kt.cli.sim.lifecycle:start", "Start it in the background."),
        "serve": Entry("kt.cli.sim.lifecycle:serve", "Run it in the foreground, until Ctrl-C."),
        "stop": Entry("kt.cli.sim.lifecycle:stop", "Stop it; its state is kept."),
        "status": Entry("kt.cli.sim.lifecycle:status", "Show its address, clock and seed."),
        "scenario": Entry("kt.cli.sim.scenario:scenario", "Play a scripted price scenario."),
        "reset": Entry("kt.cli.sim.lifecycle:reset", "Stop it and delete its accounts and orders."),
    },
    help="""The embedded exchange: a local server that speaks the broker's protocol, so that
    kt can trade without an account or a key.

    It starts automatically when the profile `sim` needs it. See `kt help simulator`.
    """,
)
