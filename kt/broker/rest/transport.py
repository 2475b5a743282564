"""The HTTP transport: one deadline for the whole call, and no redirects.

httpcore's time-outs are per read, so a server that sends a byte now and then never runs into one.
Here the "time-outs" that the library passes to the network are moments on the monotonic clock: DNS,
connecting, TLS, every write and every read gets the time left until that moment.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore
import httpx

from kt.broker.rest.send_progress import SendProgress
from kt.broker.rest.warm_connections import WarmConnections

CONNECT_SECONDS, POOL_SECONDS = 5.0, 5.0
KEEP_SECONDS = 4.0
"""An idle connection is reused for this long; servers close theirs after five seconds or more."""
PIECE = 4096
"""Bytes per write: each has the deadline of its own."""
FAULTS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def seconds_left(ends: float | None, late: type[Exception], most: float = 3600.0) -> float:
    """Seconds until `ends`; raises `late` when there are none."""
    seconds = most if ends is None else ends - time.monotonic()
    if seconds <= 0:
        raise late("the call's time is over")
    return min(most, seconds)


class HttpLine(httpcore.NetworkStream):
    """A connection whose `timeout` arguments are moments. `ready`: the TLS handshake is done."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self.ready = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, seconds_left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            seconds = seconds_left(timeout, httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + PIECE], seconds)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> HttpLine:
        if self.ready:
            return self
        seconds = seconds_left(timeout, httpcore.ConnectTimeout)
        return HttpLine(self._inner.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def silent(self) -> bool:
        """Whether it is open and the server has sent nothing yet (TLS records are processed)."""
        try:
            line: socket.socket = self.get_extra_info("socket")
            line.settimeout(0)
            line.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (OSError, ValueError):
            return False
        return False


class Network(httpcore.NetworkBackend):
    """Opens connections, or hands out a warm one."""

    def __init__(self) -> None:
        self.warm: WarmConnections[HttpLine] | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        connection = self.warm.take() if self.warm is not None else None
        return connection or dial(host, port, timeout)


def dial(host: str, port: int, ends: float | None) -> HttpLine:
    """Connect to the first address of the host that answers."""
    fault: Exception = httpcore.ConnectError(f"{host} has no address")
    addresses = resolve(host, port, ends)
    for index, address in enumerate(addresses):
        try:
            share = seconds_left(ends, httpcore.ConnectTimeout) / (len(addresses) - index)
            seconds = min(CONNECT_SECONDS, share)
            return HttpLine(httpcore.SyncBackend().connect_tcp(address, port, timeout=seconds))
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as one:
            fault = one
    raise fault


def resolve(host: str, port: int, ends: float | None) -> list[str]:
    """The name's addresses. The system's DNS look-up has no time-out and ignores signals, so
    it runs on a thread of its own; a late answer is dropped."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put(list(dict.fromkeys(str(one[4][0]) for one in found)))
        except (OSError, UnicodeError) as fault:
            answer.put(fault)

    threading.Thread(target=ask, name="kt-look-up", daemon=True).start()
    try:
        addresses = answer.get(timeout=seconds_left(ends, httpcore.ConnectTimeout))
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"the name {host} was not found in time") from None
    if isinstance(addresses, Exception):
        raise httpcore.ConnectError(str(addresses)) from addresses
    return addresses


class Transport(httpx.BaseTransport):
    """Sends a request whose extensions hold `ends` (a moment) and `trip` (a SendProgress).

    `kept` = how many idle connections are reused; 0 for orders, because one that the server
    closed in the meantime would leave an order's outcome unknown.
    """

    def __init__(
        self, context: ssl.SSLContext | None, kept: int, proxy: httpx.Proxy | None = None
    ) -> None:
        self._context = context
        self._proxied = proxy is not None
        self._closed = False
        self._network = Network()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            proxy=_proxy(proxy) if proxy is not None else None,
            max_connections=100,
            max_keepalive_connections=kept,
            keepalive_expiry=KEEP_SECONDS,
            network_backend=self._network,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        ends: float = request.extensions["ends"]
        progress: SendProgress = request.extensions["progress"]
        progress.begin()  # from here on the trace callback sets it
        moments = dict.fromkeys(("connect", "read", "write"), ends)
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions={
                "timeout": {**moments, "pool": seconds_left(ends, httpx.PoolTimeout, POOL_SECONDS)},
                "trace": progress.trace,
            },
        )
        try:
            response = self._pool.handle_request(sent)
        except FAULTS as fault:
            raise _as_httpx_error(fault) from fault
        stream = _Body(response.stream, lambda: self._end(response))
        return httpx.Response(response.status, headers=response.headers, stream=stream)

    def _end(self, response: httpcore.Response) -> None:
        """Close a connection that was still being opened when the pool was closed: it is in no
        pool that anybody closes."""
        response.close()
        if self._closed:
            response.extensions["network_stream"].close()

    def keep_ready(self, host: str, port: int, count: int) -> None:
        """From now on keep `count` warm connections to the server."""
        if self._proxied or self._network.warm is not None:
            return

        def opened() -> HttpLine:
            ends = time.monotonic() + CONNECT_SECONDS
            line = dial(host, port, ends)
            if self._context is not None:
                self._context.set_alpn_protocols(["http/1.1"])
                line = line.start_tls(self._context, host, ends)
            line.ready = True
            return line

        self._network.warm = WarmConnections(opened, count)

    @property
    def warm(self) -> WarmConnections[HttpLine] | None:
        return self._network.warm

    def close(self) -> None:
        self._closed = True
        if self.warm is not None:
            self.warm.close()
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The response body as a stream."""

    def __init__(self, parts: Any, end: Callable[[], None]) -> None:
        self._parts, self._end = parts, end

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._parts
        except FAULTS as fault:
            raise _as_httpx_error(fault) from fault

    def close(self) -> None:
        self._end()


def _as_httpx_error(fault: Exception) -> Exception:
    """The httpx error of the same name as an httpcore error."""
    known: type[httpx.TransportError] = getattr(httpx, type(fault).__name__)
    return known(str(fault))


def _proxy(given: httpx.Proxy) -> httpcore.Proxy:
    return httpcore.Proxy(
        url=httpcore.URL(
            scheme=given.url.raw_scheme,
            host=given.url.raw_host,
            port=given.url.port,
            target=given.url.raw_path,
        ),
        auth=given.raw_auth,
        headers=given.headers.raw,
        ssl_context=given.ssl_context,
    )


def proxy_of(scheme: str, host: str) -> httpx.Proxy | None:
    """The proxy that the environment names for this server (HTTPS_PROXY, NO_PROXY and such).

    Raises ValueError or httpx.InvalidURL for an invalid address.
    """
    from urllib.request import getproxies, proxy_bypass

    named = getproxies()
    address = named.get(scheme) or named.get("all")
    if not address or proxy_bypass(host):
        return None
    return httpx.Proxy(address if "://" in address else f"http://{address}")
