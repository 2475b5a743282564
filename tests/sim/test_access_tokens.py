"""Tokens: one for each app key, a day long, the same after a restart, dead when ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kt.clock import ManualClock
from kt.records import KST
from kt.sim.server.access_tokens import LIFE, Tokens, WrongKeys

START = datetime(2026, 11, 23, 10, 0, tzinfo=KST)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def test_the_same_token_until_it_expires(clock: ManualClock) -> None:
    tokens = Tokens(clock)
    token, expires = tokens.issue("key", "secret")
    assert expires == START + LIFE == START + timedelta(seconds=86_399)
    clock.advance(86_398)
    assert tokens.issue("key", "secret")[0] == token
    assert tokens.app_key(token) == "key"
    clock.advance(1)
    assert tokens.app_key(token) is None
    renewed, expires = tokens.issue("key", "secret")
    assert renewed != token
    assert expires == clock.now() + LIFE


def test_renewal_kills_the_valid_token(clock: ManualClock) -> None:
    tokens = Tokens(clock)
    old, _ = tokens.issue("key", "secret")
    new, _ = tokens.issue("key", "secret", renew=True)
    assert (tokens.app_key(old), tokens.app_key(new)) == (None, "key")


def test_an_ended_token_stays_dead_and_is_never_issued_again(clock: ManualClock) -> None:
    tokens = Tokens(clock)
    seen = set()
    for _ in range(5):
        token, _ = tokens.issue("key", "secret")
        seen.add(token)
        tokens.expire("key")
        assert tokens.app_key(token) is None
    assert len(seen) == 5
    tokens.expire("nobody")


def test_tokens_outlive_the_process_and_the_file_holds_none(
    clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "tokens.json"
    first = Tokens(clock, path)
    token, expires = first.issue("key", "secret")
    dead, _ = first.issue("ended", "secret")
    first.expire("ended")
    text = path.read_text()
    assert token not in text and "secret-of" not in text
    assert path.stat().st_mode & 0o777 == 0o600
    second = Tokens(clock, path)
    assert second.app_key(token) == "key"
    assert second.app_key(dead) is None
    assert second.issue("key", "secret") == (token, expires)


def test_two_exchanges_never_share_a_token(clock: ManualClock) -> None:
    one, other = Tokens(clock), Tokens(clock)
    assert one.issue("key", "s")[0] != other.issue("key", "s")[0]


def test_only_the_given_pair_is_taken(clock: ManualClock) -> None:
    tokens = Tokens(clock, app_key="mine", secret_key="hidden")
    for pair in (("mine", "wrong"), ("other", "hidden"), ("", "")):
        with pytest.raises(WrongKeys):
            tokens.issue(*pair)
    assert tokens.app_key(tokens.issue("mine", "hidden")[0]) == "mine"
