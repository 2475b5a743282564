"""kt sim: the embedded exchange and its scenarios. No other command is imported here."""

from __future__ import annotations

from kt.cli.support.click_extensions import Entry, LazyGroup

sim = LazyGroup(
    "sim",
    entries={
        "start": Entry("kt.cli.sim.lifecycle:start", "Start it in the background."),
        "serve": Entry("kt.cli.sim.lifecycle:serve", "Keep it in the foreground, until Ctrl-C."),
        "stop": Entry("kt.cli.sim.lifecycle:stop", "End it; its state is kept."),
        "status": Entry("kt.cli.sim.lifecycle:status", "Its address, clock and seed."),
        "scenario": Entry("kt.cli.sim.scenario:scenario", "Play a scenario of the document."),
        "reset": Entry("kt.cli.sim.lifecycle:reset", "End it and forget its accounts and orders."),
    },
    help="""The embedded exchange: a real server on this machine that speaks the broker's
    own wire format, so kt trades without an account and without a key.

    It starts by itself when the profile `sim` needs it. See `kt help simulator`.
    """,
)
