"""The day's stream follows what it is pointed at; who aims never waits for the broker."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from kt.engine.feed import LIMIT, Feed
from kt.errors import BrokerRefused
from kt.records import StreamKind
from tests.fakes import FakeStream, World


class SlowStream(FakeStream):
    """Answers a subscription when `answer` is set; refuses the stocks in `refused`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answer = threading.Event(), threading.Event()
        self.answer.set()
        self.refused: set[str] = set()

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        codes = set(stock_codes)
        self.asked.set()
        assert self.answer.wait(5)
        if codes & self.refused:
            raise BrokerRefused("no such item")
        super().subscribe(kinds, codes)


def started(world: World) -> tuple[Feed, SlowStream]:
    stream = SlowStream()
    feed = Feed(world.ctx, lambda: stream, lambda event: None)
    feed.start()
    return feed, stream


def test_watch_subscribes_to_the_wanted_stocks_and_unsubscribes_the_rest(world: World) -> None:
    feed, stream = started(world)
    feed.watch(["005930"], ["000660", "035720"])
    feed.watch(["000660"])
    assert stream.subscribed[StreamKind.TRADE] == {"000660"}
    assert stream.subscribed[StreamKind.BOOK] == {"000660"}


def test_stocks_wanted_before_the_start_are_subscribed_at_the_start(world: World) -> None:
    stream = SlowStream()
    feed = Feed(world.ctx, lambda: stream, lambda event: None)
    assert not feed.want(["005930"]), "nothing to point yet"
    feed.start()
    assert stream.subscribed[StreamKind.TRADE] == {"005930"}
    assert not feed.want(["005930"]), "nothing new to point at"


def test_setting_the_wanted_stocks_does_not_block_and_the_last_call_wins(world: World) -> None:
    feed, stream = started(world)
    stream.asked.clear()
    stream.answer.clear()
    assert feed.want(["005930"])
    worker = threading.Thread(target=feed.subscribe_wanted, daemon=True)
    worker.start()
    assert stream.asked.wait(5)
    assert feed.want(["000660"]), "while the broker has not answered yet"
    assert feed.outdated
    stream.answer.set()
    worker.join(5)
    assert not feed.outdated
    assert stream.subscribed[StreamKind.TRADE] == {"000660"}


def test_a_refused_subscription_is_journaled_and_tried_again(world: World) -> None:
    feed, stream = started(world)
    stream.refused = {"999999"}
    feed.watch(["999999"])
    assert not feed.outdated, "it is not tried over and over"
    world.journal.flush()
    failures = [row for row in world.journal.events(limit=100) if "feed.watch" in str(row)]
    assert failures
    stream.refused = set()
    assert feed.want(["999999"])
    feed.subscribe_wanted()
    assert stream.subscribed[StreamKind.TRADE] == {"999999"}


def test_subscriptions_stay_within_the_brokers_limit_most_important_first(world: World) -> None:
    feed, stream = started(world)
    near = [f"{number:06d}" for number in range(60)]
    far = [f"{number:06d}" for number in range(60, 160)]
    feed.watch(near, far)
    assert len(stream.subscribed[StreamKind.TRADE]) == LIMIT
    assert set(near) <= stream.subscribed[StreamKind.TRADE]
    assert stream.subscribed[StreamKind.BOOK] == set(near)
