"""Money moves only after its preview and a yes; on `real` never without both keys turned."""

from __future__ import annotations

import pytest

from kt.errors import ExitCode
from tests.cli.front import Front
from tests.fakes import SAMSUNG

LIVE = "profiles:\n  real:\n    live: true\nanalyst:\n  kind: rules\n"
REAL = ("order", "buy", SAMSUNG, "1", "--price", "70000", "--profile", "real")
MOCK = ("order", "buy", SAMSUNG, "1", "--price", "70000", "--profile", "mock")


def test_real_without_live_is_denied_even_with_yes(front: Front) -> None:
    ran = front(*REAL, "--yes", terminal=True, stdin="y\n")
    assert ran.code == ExitCode.DENIED
    assert front.world.broker.sent == []
    assert "live" in ran.err


def test_real_in_a_pipe_needs_yes(front: Front) -> None:
    front.configure(LIVE)
    ran = front(*REAL)
    assert (ran.code, ran.out) == (ExitCode.DENIED, "")
    assert ran.err.endswith(
        "kt: orders with real money need a confirmation, and there is no terminal to ask on; "
        "nothing was sent. Add --yes.\n"
    )
    assert front.world.broker.sent == []
    assert front(*REAL, "--yes").code == 0
    assert len(front.world.broker.sent) == 1


@pytest.mark.parametrize("answer", ["y\n", "yes\n", "Y\n", "YES\n"])
def test_a_yes_at_the_prompt_sends(answer: str, front: Front) -> None:
    front.configure(LIVE)
    ran = front(*REAL, terminal=True, stdin=answer)
    assert ran.code == 0, ran.err
    assert ran.err.index("stock") < ran.err.index("Buy this? [y/N]")
    assert "profile     real\nBuy this? [y/N] " in ran.err
    assert len(front.world.broker.sent) == 1


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yep\n", "ja\n", "y", "q\n"])
def test_any_answer_but_yes_sends_nothing(answer: str, front: Front) -> None:
    front.configure(LIVE)
    ran = front(*REAL, terminal=True, stdin=answer)
    if answer == "y":  # a last line without its end is still an answer
        assert ran.code == 0
        return
    assert ran.code == ExitCode.DENIED
    assert "not confirmed; nothing was sent." in ran.err
    assert front.world.broker.sent == []


def test_yes_on_the_command_line_asks_nothing(front: Front) -> None:
    front.configure(LIVE)
    ran = front(*REAL, "--yes", terminal=True)
    assert ran.code == 0 and "[y/N]" not in ran.err


def test_quiet_still_shows_what_it_asks_about(front: Front) -> None:
    front.configure(LIVE)
    assert "70,000 won" in front(*REAL, "-q", terminal=True, stdin="n\n").err


def test_mock_asks_on_a_terminal_alone(front: Front) -> None:
    assert front(*MOCK, terminal=True, stdin="n\n").code == ExitCode.DENIED
    assert front(*MOCK).code == 0
    assert len(front.world.broker.sent) == 1


def test_sim_does_not_ask(front: Front) -> None:
    ran = front("order", "buy", SAMSUNG, "1", "--price", "70000", terminal=True)
    assert ran.code == 0 and "[y/N]" not in ran.err


def test_dry_run_on_real_asks_nothing_and_sends_nothing(front: Front) -> None:
    front.configure(LIVE)
    ran = front(*REAL, "--dry-run", terminal=True)
    assert ran.code == 0
    assert "dry run: no order is sent" in ran.err
    assert front.world.broker.sent == []


def test_a_profile_that_may_not_trade_says_what_to_change(front: Front) -> None:
    front.configure("profiles:\n  sim:\n    live: false\n")
    ran = front("run", "--once")
    assert ran.code == ExitCode.DENIED
    assert ran.err == (
        "kt: the profile 'sim' may not send orders; nothing was sent. "
        "Set profiles.sim.live: true in the configuration, or use --dry-run.\n"
    )


@pytest.mark.parametrize("command", [("run", "--once"), ("run",), ("flatten",)])
def test_every_way_to_real_orders_asks(command: tuple[str, ...], front: Front) -> None:
    front.configure(LIVE)
    ran = front(*command, "--profile", "real")
    assert ran.code == ExitCode.DENIED and "Add --yes." in ran.err
    ran = front(*command, "--profile", "real", terminal=True, stdin="n\n")
    assert ran.code == ExitCode.DENIED and "[y/N]" in ran.err
    assert front.world.broker.sent == []
