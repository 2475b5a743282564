"""A raw WebSocket session: one request, then every frame as it was received.

For the APIs that `kt watch` does not cover: condition search and the rarer live types.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

import msgspec

from kt.broker.rest.token import TokenSource
from kt.broker.stream.frames import FrameReader
from kt.broker.stream.lease import Lease
from kt.broker.stream.stream_session import LoginRefused, StreamSession
from kt.broker.stream.timeouts import Timeouts
from kt.errors import Busy, StreamReplaced, Unreachable, WireError
from kt.ports import Clock

SEARCH = {"ka10171": "CNSRLST", "ka10172": "CNSRREQ", "ka10173": "CNSRREQ", "ka10174": "CNSRCLR"}
"""The condition search APIs and their names on the wire."""
ENDLESS_SEARCH = "ka10173"


def request(api_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The frame to send. A live type with only its `item` list becomes a whole REG."""
    if "trnm" in body:
        return dict(body)
    if api_id in SEARCH:
        return {"trnm": SEARCH[api_id], **body}
    wanted = {"item": body.get("item", [""]), "type": body.get("type", [api_id])}
    return {"trnm": "REG", "grp_no": "1", "refresh": "1", "data": body.get("data", [wanted])}


def is_query(api_id: str) -> bool:
    """Whether the API answers once and sends nothing more."""
    return api_id in SEARCH and api_id != ENDLESS_SEARCH


def frames(
    lease: Lease, ws_url: str, tokens: TokenSource, clock: Clock, api_id: str, body: dict[str, Any]
) -> Generator[bytes, None, None]:
    """Every frame after the request, unchanged, without PINGs; a query ends with its answer.

    Raises Busy while another process holds the app key's one connection, and what a login
    raises: AuthError, StreamReplaced, Unreachable.
    """
    if not lease.take():
        leader = lease.leader()
        raise Busy(
            f"the stream of this app key is held by process {leader.pid}"
            if leader
            else "another process holds the stream of this app key",
            hint="The broker allows one: end that process first, or use `kt watch` beside it.",
        )
    session = None
    try:
        session = _logged_in(ws_url, tokens, clock)
        # The broker runs a condition only after its list was requested on the same connection.
        if api_id in SEARCH and body["trnm"] != "CNSRLST":
            session.send({"trnm": "CNSRLST"})
            session.receive_until("CNSRLST")
        session.send(body)
        yield from session.receive(body["trnm"] if is_query(api_id) else "")
    finally:
        if session is not None:
            session.release()
        lease.release()


def _logged_in(ws_url: str, tokens: TokenSource, clock: Clock) -> RawSession:
    token = tokens.token()
    session = RawSession(ws_url, clock)
    try:
        session.connect(token)
    except LoginRefused as refused:
        if not refused.stale:
            raise
        session = RawSession(ws_url, clock)
        session.connect(tokens.renew(token))
    return session


class RawSession(StreamSession):
    """A connection that returns its frames undecoded, on the calling thread."""

    def __init__(self, ws_url: str, clock: Clock) -> None:
        reader = FrameReader(clock, lambda fault: None)
        super().__init__(ws_url, reader, lambda event: None, Timeouts())

    def send(self, body: Mapping[str, Any]) -> None:
        self._send(msgspec.json.encode(body))

    def receive_until(self, trnm: str) -> None:
        for _ in self.receive(trnm):
            """Skip the frames before the answer."""

    def receive(self, last: str = "") -> Iterator[bytes]:
        """Unchanged frames, up to the answer named `last`. Raises Unreachable at the end of the
        connection and StreamReplaced if another login took it."""
        while not self.over.is_set():
            data = self._receive()
            name = self._name(data)
            self._handle(data)
            if name != "PING":
                yield data
            if name == last:
                return
        raise StreamReplaced(self.reason) if self.replaced else Unreachable(self.reason)

    def release(self) -> None:
        self.close()
        self._socket.shutdown()

    def _name(self, data: bytes) -> str:
        try:
            return self.reader.open(data).trnm
        except WireError:
            return ""
