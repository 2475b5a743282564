"""A process that receives the events from the leader's stream, through a local socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Iterable

from kt.broker.stream.condition_search import SearchAnswer
from kt.broker.stream.groups import Key
from kt.broker.stream.lease import LeaderAddress
from kt.broker.stream.local_protocol import (
    FROM_LEADER,
    Hello,
    Inbox,
    SearchRequest,
    SubscriptionAnswer,
    SubscriptionRefused,
    SubscriptionRequest,
    Welcome,
    connect,
    pack,
)
from kt.broker.stream.timeouts import Timeouts
from kt.errors import BrokerRefused, KtError, StreamReplaced, Unreachable
from kt.ports import Clock
from kt.records import StreamEvent, StreamState

_FIRST = 0
"""The number of the first request, with all subscriptions; its answer completes the start."""


class Follower:
    """`follow` on one thread until it returns; the rest from any thread."""

    def __init__(
        self,
        leader: LeaderAddress,
        clock: Clock,
        emit: Callable[[StreamEvent], None],
        report: Callable[[KtError], None],
        timeouts: Timeouts,
    ) -> None:
        self.leader = leader
        self.clock = clock
        self.emit = emit
        self.report = report
        self.timeouts = timeouts
        self.live = False
        """Whether there has been a connection since this follower joined."""
        self._numbers = itertools.count(_FIRST + 1)
        self._waiting: dict[int, tuple[threading.Event, list[SubscriptionAnswer]]] = {}
        self._searches: dict[int, tuple[threading.Event, list[SearchAnswer]]] = {}
        self._lock = threading.Lock()
        self._link: tuple[asyncio.AbstractEventLoop, asyncio.StreamWriter] | None = None
        """Set while the leader can be written to."""
        self._cancel: Callable[[], object] = lambda: None
        self._subscribed = False
        self._connected_early = False

    def follow(self, name: str, joined: Callable[[], Iterable[Key]]) -> bool:
        """Receive until the leader disconnects or `close` is called; False if it was not reachable.

        `joined` is called once the leader has accepted this process; it returns the subscriptions.
        StreamState `name` is emitted once there is a connection. Raises StreamReplaced or
        Unreachable if the leader reports the end of the stream.
        """
        with asyncio.Runner(debug=False) as runner, contextlib.suppress(asyncio.CancelledError):
            return runner.run(self._follow(name, joined))
        return True

    async def _follow(self, name: str, joined: Callable[[], Iterable[Key]]) -> bool:
        with contextlib.ExitStack() as undo:
            try:
                async with asyncio.timeout(self.timeouts.hello):
                    reader, writer = await connect(self.leader)
                    undo.callback(writer.close)
                    writer.write(pack(Hello(self.leader.secret, os.getpid())))
                    inbox = Inbox(reader, FROM_LEADER, seconds=self.timeouts.frame)
                    messages = await inbox.next()
            except OSError:
                return False
            if not messages or not isinstance(welcome := messages.pop(0), Welcome):
                return False
            if welcome.replaced:
                raise StreamReplaced(
                    f"{welcome.replaced} Process {welcome.pid} of kt found it so.",
                    hint=f"Stop process {welcome.pid}, then start again.",
                )
            undo.callback(self.close)
            self._open(writer)
            writer.write(pack(SubscriptionRequest(_FIRST, add=tuple(joined()))))
            messages = messages or await inbox.next(self.timeouts.silence)
            while messages:
                for message in messages:
                    self._receive(message, name)
                messages = await inbox.next(self.timeouts.silence)
        return True

    def _open(self, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        with self._lock:
            self._link, self._cancel = (asyncio.get_running_loop(), writer), task.cancel

    def want(self, add: Iterable[Key], drop: Iterable[Key] = (), *, wait: bool = True) -> None:
        """Change this process's subscriptions; with `wait`, until the broker has answered.

        Without a connection they are stored for the next one. Raises BrokerRefused.
        """
        number = next(self._numbers)
        answered, answers = threading.Event(), list[SubscriptionAnswer]()
        with self._lock:
            if self._link is None:
                # All that is wanted is sent to the next leader.
                return
            self._waiting[number] = (answered, answers)
            loop, writer = self._link
            loop.call_soon_threadsafe(
                writer.write, pack(SubscriptionRequest(number, tuple(add), tuple(drop)))
            )
        if wait:
            answered.wait()
        if answers and answers[0].refused:
            raise SubscriptionRefused(answers[0].refused)

    def search(self, name: str) -> SearchAnswer:
        """A condition search on the leader's connection. Raises Unreachable, or BrokerRefused."""
        number = next(self._numbers)
        answered, answers = threading.Event(), list[SearchAnswer]()
        with self._lock:
            if self._link is not None:
                self._searches[number] = (answered, answers)
                loop, writer = self._link
                loop.call_soon_threadsafe(writer.write, pack(SearchRequest(number, name)))
            else:
                answered.set()
        answered.wait(self.timeouts.search)
        self._searches.pop(number, None)
        if not answers:
            raise Unreachable(
                f"Process {self.leader.pid} of kt, which holds the stream, did not answer a search."
            )
        if answers[0].refused:
            raise BrokerRefused(answers[0].refused)
        if answers[0].failed:
            raise Unreachable(answers[0].failed)
        return answers[0]

    def close(self) -> None:
        """Make `follow` return soon, and release the threads that wait for an answer."""
        with self._lock:
            if self._link is not None:
                self._link[0].call_soon_threadsafe(self._cancel)
            self._link = None
            waiting, self._waiting = self._waiting, {}
            searches, self._searches = self._searches, {}
        for answered, _ in [*waiting.values(), *searches.values()]:
            answered.set()

    def _receive(self, message: object, name: str) -> None:
        if isinstance(message, StreamState):
            self._state(message, name)
        elif isinstance(message, SubscriptionAnswer):
            self._answer(message, name)
        elif isinstance(message, SearchAnswer):
            answered, answers = self._searches.pop(message.number, (threading.Event(), []))
            answers.append(message)
            answered.set()
        elif isinstance(message, StreamEvent):
            self.emit(message)

    def _answer(self, answer: SubscriptionAnswer, name: str) -> None:
        if answer.number != _FIRST:
            answered, answers = self._waiting.pop(answer.number, (threading.Event(), []))
            answers.append(answer)
            answered.set()
            return
        self._subscribed = True
        if answer.refused:
            self.report(SubscriptionRefused(answer.refused))
        if answer.live or self._connected_early:
            self._connected(name, 1)

    def _state(self, state: StreamState, name: str) -> None:
        if state.state == "replaced":
            raise StreamReplaced(state.detail, hint="Stop the other program, then start again.")
        if state.state == "closed":
            raise Unreachable(state.detail, hint="Check the network, then start again.")
        if not self._subscribed:
            self._connected_early = state.state != "lost"
        elif state.state == "lost":
            self.emit(state)
        else:
            self._connected("reconnected" if self.live else name, state.attempt)

    def _connected(self, name: str, attempt: int) -> None:
        self.live = True
        detail = f"follower of pid {self.leader.pid}"
        self.emit(StreamState(state=name, at=self.clock.now(), detail=detail, attempt=attempt))
