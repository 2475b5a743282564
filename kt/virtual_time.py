"""Virtual time: one queue of events that clock, threads, locks and queues wait in.

One thread runs at a time. It runs until it waits, and then hands over to whoever is next in the
queue; the clock jumps to that moment. See docs/virtual-clock.md.
"""

from __future__ import annotations

import contextlib
import contextvars
import heapq
import math
import queue
import signal
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from types import FrameType

from greenlet import getcurrent, greenlet

from kt.ports import concurrency
from kt.ports.concurrency import Lock, Mailbox, Semaphore, WaitCondition
from kt.records.base import KST

MICRO = 1_000_000


class ThreadEnded(BaseException):
    """Raised where a thread waits when the virtual time is closed. No `except Exception` stops
    it."""


class VirtualThread:
    """A thread of the virtual time. `round` counts its waits, so that an event of an earlier wait
    wakes nobody."""

    __slots__ = ("notified", "round", "thread", "waiting")

    def __init__(self, thread: greenlet) -> None:
        self.thread = thread
        self.round = 0
        self.waiting = False
        self.notified = False


_Action = Callable[[], object]
_Event = tuple[int, int, VirtualThread | None, int, _Action | None]
"""When in microseconds, its place among equals, and who goes on (in which of its waits) or what is
done then."""


class VirtualTime:
    """Implements `ports.Clock` and `concurrency.Concurrency`, for the thread of the machine that
    makes it: `driving` around what it runs, `close` at the end.

    A failure of a thread or of an event is raised on the main thread, and so is the end of all
    events while threads still wait (RuntimeError).
    """

    def __init__(self, at: datetime) -> None:
        self._begin = at.astimezone(KST)
        self._micros = self._shown_at = 0
        self._shown = self._begin
        self._events: list[_Event] = []
        self._order = count()
        self._main = self._running = VirtualThread(getcurrent())
        self._others: dict[VirtualThread, None] = {}
        self._context = contextvars.copy_context()
        self._failure: BaseException | None = None
        self._closing = False

    # --- ports.Clock ------------------------------------------------------------------------

    def now(self) -> datetime:
        if self._shown_at != self._micros:
            self._shown_at = self._micros
            self._shown = self._begin + timedelta(microseconds=self._micros)
        return self._shown

    def monotonic(self) -> float:
        return self._micros / MICRO

    def sleep(self, seconds: float) -> None:
        self.wait(max(0.0, seconds))

    def to_real(self, seconds: float) -> float:
        """The seconds of deadlines are the clock's own."""
        return seconds

    # --- events -----------------------------------------------------------------------------

    def call_later(self, seconds: float, action: Callable[[], object]) -> None:
        """Run `action` so many seconds from now, between two threads; it must not wait."""
        self._push(self._micros + _micros(seconds), None, 0, action)

    def sleep_until(self, at: datetime) -> None:
        """Do nothing until a moment; returns at once when it has passed."""
        left = at.astimezone(KST) - self.now()
        self.sleep(left / timedelta(seconds=1))

    def _push(
        self,
        at: int,
        waiter: VirtualThread | None,
        number: int,
        action: Callable[[], object] | None,
    ) -> None:
        heapq.heappush(self._events, (at, next(self._order), waiter, number, action))

    @property
    def current(self) -> VirtualThread:
        """The thread that runs."""
        return self._running

    def wait(self, seconds: float | None) -> bool:
        """Wait to be woken, for so many seconds at most; whether that happened."""
        me = self._running
        if me.waiting:
            raise RuntimeError("an event of the virtual time tried to wait")
        if self._closing:
            raise ThreadEnded
        me.round += 1
        me.notified, me.waiting = False, True
        if seconds is not None:
            at = self._micros + _micros(seconds)
            heapq.heappush(self._events, (at, next(self._order), me, me.round, None))
        chosen = self._running = self._next()
        if chosen is not me:
            chosen.thread.switch()
        if me is self._main and self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return me.notified

    def wake(self, waiter: VirtualThread) -> None:
        """Let a waiting thread go on at this moment, after what was due before."""
        if waiter.waiting and not waiter.notified and not self._closing:
            waiter.notified = True
            self._push(self._micros, waiter, waiter.round, None)

    def _next(self) -> VirtualThread:
        """The thread whose turn is next; what is due before it is done here."""
        events = self._events
        try:
            while events and self._failure is None:
                at, _, waiter, number, action = heapq.heappop(events)
                if waiter is None:
                    self._micros = max(self._micros, at)
                    if action is not None:
                        action()
                elif waiter.waiting and waiter.round == number:
                    self._micros = max(self._micros, at)
                    waiter.waiting = False
                    return waiter
        except BaseException as fault:  # noqa: BLE001 - raised on the main thread
            return self._failed(fault)
        return self._failed(RuntimeError("every thread of the virtual time waits for ever"))

    def fail(self, failure: BaseException) -> None:
        """Raise this on the main thread when the thread that runs waits next, or ends."""
        self._failure = self._failure or failure

    def _failed(self, failure: BaseException) -> VirtualThread:
        """The main thread, which will raise it."""
        self._failure = self._failure or failure
        self._main.waiting = False
        return self._main

    # --- concurrency.Concurrency --------------------------------------------------------------

    @contextlib.contextmanager
    def driving(self) -> Iterator[None]:
        """Inside the block everything that waits is made by this time; threads that it starts
        inherit the context at its beginning."""
        with concurrency.using(self), _signals_to(self.fail):
            self._context = contextvars.copy_context()
            yield
        if self._failure is not None:
            raise self._failure

    def start(self, work: Callable[[], object], name: str) -> None:
        waiter: VirtualThread = VirtualThread(greenlet(lambda *_: self._live(waiter, work)))
        waiter.thread.gr_context = self._context.copy()
        waiter.waiting = True
        self._others[waiter] = None
        self._push(self._micros, waiter, 0, None)

    def _live(self, waiter: VirtualThread, work: Callable[[], object]) -> None:
        """A thread from its first turn to its last; then whoever is next runs."""
        failure: BaseException | None = None
        try:
            work()
        except ThreadEnded:
            return
        except BaseException as fault:  # noqa: BLE001 - raised on the main thread
            failure = fault
        del self._others[waiter]
        self._running = self._next() if failure is None else self._failed(failure)
        waiter.thread.parent = self._running.thread

    def lock(self) -> Lock:
        return VirtualLock(self)

    def condition(self) -> WaitCondition:
        return VirtualCondition(self)

    def semaphore(self, count: int) -> Semaphore:
        return VirtualSemaphore(self, count)

    def mailbox(self) -> Mailbox[object]:
        return VirtualMailbox(self)

    def close(self) -> None:
        """End every other thread, one after another, where it waits."""
        self._closing = True
        for waiter in list(self._others):
            if waiter.thread:  # it has begun
                waiter.thread.parent = self._main.thread
                waiter.thread.throw(ThreadEnded)
        self._others.clear()
        self._events.clear()


@contextlib.contextmanager
def _signals_to(fail: Callable[[BaseException], None]) -> Iterator[None]:
    """What the handlers of SIGINT, SIGTERM and SIGHUP raise inside the block goes to `fail`: they
    run in whichever thread of the virtual time it is, which could take it for a fault of its
    work."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def passing(handler: Callable[[int, FrameType | None], object]) -> Callable[..., None]:
        def handle(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as raised:  # noqa: BLE001 - raised on the main thread
                fail(raised)

        return handle

    before = {one: found for one in wanted if callable(found := signal.getsignal(one))}
    ours = {one: passing(handler) for one, handler in before.items()}
    with contextlib.suppress(ValueError):  # not on the machine's main thread: none arrives here
        for one, handler in ours.items():
            signal.signal(one, handler)
    try:
        yield
    finally:
        for one, handler in before.items():
            if signal.getsignal(one) is ours[one]:
                signal.signal(one, handler)


def _micros(seconds: float) -> int:
    """Whole microseconds; some for any wait, so that who waits until a moment reaches it although
    floats are rounded."""
    exact = seconds * MICRO
    whole = int(exact)
    if 0.001 < exact - whole < 0.999 and whole < 1 << 40:  # as below, without rounding decimals
        return whole + 1
    return max(1 if seconds > 0 else 0, math.ceil(round(exact, 3)))


class _WaitingLine:
    """The threads that wait for the same thing, the longest first."""

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self._waiters: deque[VirtualThread] = deque()

    def wait(self, seconds: float | None) -> bool:
        """Wait for `wake_next`; whether it came in time."""
        me = self.time.current
        self._waiters.append(me)
        try:
            return self.time.wait(seconds)
        finally:
            if me in self._waiters:
                self._waiters.remove(me)

    def wake_next(self) -> VirtualThread | None:
        if not self._waiters:
            return None
        waiter = self._waiters.popleft()
        self.time.wake(waiter)
        return waiter

    def wake_all(self) -> None:
        while self.wake_next():
            pass


class VirtualSemaphore:
    """`threading.BoundedSemaphore`; a place that is released goes to who waits longest."""

    def __init__(self, time: VirtualTime, count: int) -> None:
        self._line = _WaitingLine(time)
        self._most = self._free = count

    def acquire(self, blocking: bool = True, timeout: float | None = -1) -> bool:
        if self._free:
            self._free -= 1
            return True
        given = timeout is not None and timeout >= 0
        return blocking and self._line.wait(timeout if given else None)

    def release(self) -> None:
        if self._line.wake_next() is None:
            if self._free == self._most:
                raise ValueError("released too many times")
            self._free += 1


class VirtualLock(VirtualSemaphore):
    """`threading.Lock`."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(time, 1)

    def __enter__(self) -> bool:
        if self._free:
            self._free -= 1
            return True
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class VirtualCondition(VirtualLock):
    """`threading.Condition`."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(time)
        self._changed = _WaitingLine(time)

    def wait(self, timeout: float | None = None) -> bool:
        self.release()
        try:
            return self._changed.wait(timeout)
        finally:
            self.acquire()

    def notify_all(self) -> None:
        self._changed.wake_all()


class VirtualMailbox:
    """`queue.SimpleQueue`."""

    def __init__(self, time: VirtualTime) -> None:
        self._line = _WaitingLine(time)
        self._items: deque[object] = deque()

    def put(self, item: object) -> None:
        self._items.append(item)
        self._line.wake_next()

    def get_nowait(self) -> object:
        if not self._items:
            raise queue.Empty
        return self._items.popleft()

    def get(self, block: bool = True, timeout: float | None = None) -> object:
        virtual = self._line.time
        ends = None if timeout is None else virtual.monotonic() + timeout
        while not self._items and block:
            left = None if ends is None else ends - virtual.monotonic()
            if left is not None and left <= 0:
                break
            self._line.wait(left)
        return self.get_nowait()
