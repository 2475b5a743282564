"""One client of the stream: its login, its registrations, and the frames that it gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kt.sim.wire import conditions, stream_frames
from kt.sim.wire.conditions import ConditionSearch
from kt.sim.wire.realtime import ACCOUNT_TYPES, MARKET_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from kt.records import StreamEvent
    from kt.sim.server.context import ServerContext

WHOLE_MARKET = frozenset({"0s"})
"""Types that belong to no stock, whichever item they are registered with."""


@dataclass(slots=True)
class ClientFrame:
    """A frame to send. `kind` is empty for responses, PING and SYSTEM."""

    text: str
    kind: str = ""
    side: str = ""
    faulted: bool = False
    last: bool = False

    @property
    def droppable(self) -> bool:
        return bool(self.kind) and self.kind not in ACCOUNT_TYPES


class ClientSession:
    """What a session does whatever carries its frames: `take` gets the client's, `put` sends."""

    def __init__(self, context: ServerContext) -> None:
        self.context = context
        self.app_key = ""
        """Empty until the client has logged in."""
        self.unanswered = 0
        """PINGs without an echo."""
        self._groups: dict[str, set[tuple[str, str]]] = {}
        self._index: dict[tuple[str, str], list[str]] = {}

    @cached_property
    def _conditions(self) -> ConditionSearch:
        return ConditionSearch(self.context.exchange.market)

    @property
    def take_records(self) -> Callable[[list[StreamEvent]], None] | None:
        return None

    def put(self, frame: ClientFrame) -> None:
        """Send a frame after those that were put before."""
        raise NotImplementedError

    def leave(self) -> None:
        """The connection has ended."""
        if self.app_key:
            self.context.fan_out.leave(self.app_key, self)
            self.context.watch()

    def codes(self, kinds: Collection[str] = MARKET_TYPES) -> set[str]:
        """The stocks registered for prices, books or expected prices; for these types only."""
        return {code for kind, code in self._index if kind in kinds and code}

    def items(self, kind: str, code: str) -> list[str]:
        """The items with which this was registered, as the client wrote them."""
        return self._index.get((kind, code), [])

    def send_rows(self, kind: str, side: str, rows: list[bytes]) -> None:
        self.put(ClientFrame(stream_frames.real(rows), kind, side))

    def replace(self) -> None:
        """End this session: another program has logged in with its app key."""
        self.put(ClientFrame(stream_frames.text(stream_frames.REPLACED), last=True))

    def say(self, frame: Mapping[str, Any], *, last: bool = False) -> None:
        """Send a frame of the protocol itself."""
        self.put(ClientFrame(stream_frames.text(frame), last=last))

    def take(self, frame: Mapping[str, Any]) -> None:
        """One frame of the client."""
        name = str(frame.get("trnm", ""))
        if name == "PING":
            self.unanswered = 0
        elif name == "LOGIN":
            self._login(str(frame.get("token") or ""))
        elif not self.app_key:
            self.say(stream_frames.not_logged_in(name))
        elif name in {"REG", "REMOVE"}:
            self._register(name, frame)
        elif name in conditions.NAMES:
            self.say(self._conditions.answer(frame))
        elif name != "SYSTEM":
            self.say(stream_frames.unknown(name))

    def _login(self, token: str) -> None:
        app_key = self.context.tokens.app_key(token)
        if app_key is None:
            self.say(stream_frames.LOGIN_FAILED if token else stream_frames.NO_TOKEN, last=True)
            return
        if self.app_key != app_key:
            self.leave()
        self.app_key = app_key
        older = self.context.fan_out.join(app_key, self)
        if older is not None:
            older.replace()
        self.context.touch()
        self.say(stream_frames.LOGGED_IN)

    def _register(self, name: str, frame: Mapping[str, Any]) -> None:
        asked = stream_frames.registration(frame)
        if asked is None:
            self.say(stream_frames.failed(name))
            return
        kept = self._groups.get(asked.group, set())
        if name == "REG":
            pairs = (kept if asked.keep else set()) | asked.pairs
        else:
            pairs = set() if asked.whole_group else kept - asked.pairs
        groups = self._groups.keys() | {asked.group}
        if (
            len({item for _, item in pairs}) > stream_frames.MOST_ITEMS
            or len(groups) > stream_frames.MOST_GROUPS
        ):
            self.say(stream_frames.failed(name))
            return
        self._groups[asked.group] = pairs
        self._reindex()
        self.context.watch()
        self.say(stream_frames.done(name))

    def _reindex(self) -> None:
        index: dict[tuple[str, str], list[str]] = {}
        for kind, item in sorted(set().union(*self._groups.values())):
            code = "" if kind in ACCOUNT_TYPES | WHOLE_MARKET else stream_frames.item_code(item)
            index.setdefault((kind, code), []).append(item)
        self._index = index
