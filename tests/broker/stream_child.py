"""A process with a stream, as other processes meet it. Arguments: URL FOLDER [TYPE:CODE …]
[--silence=SECONDS].

Prints every event as a line of JSON; ends when stdin does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from kt.broker.stream.live import KiwoomStream
from kt.broker.stream.timeouts import Timeouts
from kt.clock import SystemClock
from kt.records import StreamEvent, StreamKind


class OneToken:
    def token(self) -> str:
        return "token-1"

    def renew(self, bad: str) -> str:
        raise AssertionError("the token was good")


def show(event: StreamEvent) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    url, folder, *wants = sys.argv[1:]
    silence = float(wants.pop().partition("=")[2]) if wants[-1].startswith("--silence") else 35.0
    timeouts = Timeouts(backoff=(0.05,), brief=0.0, silence=silence, hello=0.2, join=0.5)
    stream = KiwoomStream(
        url, OneToken(), SystemClock(), Path(folder), "app-key", timeouts=timeouts
    )
    for want in wants:
        kind, _, code = want.partition(":")
        stream.subscribe([StreamKind(kind)], [code])
    stream.start(show)
    sys.stdin.read()
    stream.close()


if __name__ == "__main__":
    main()
