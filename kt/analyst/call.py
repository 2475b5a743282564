"""One request to a provider with a deadline: a ProviderReply, whatever the provider does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread

from kt.analyst.failure import Failure, of_exception
from kt.analyst.provider import ModelConnection, Provider, ProviderReply, Question

HIDDEN = "…"


def call(provider: Provider, question: Question, seconds: float, now: datetime) -> ProviderReply:
    """The reply or the failure. `seconds` are real seconds for the whole request, up to the last
    byte. The request runs on its own thread; at the deadline its connection is closed, which ends
    the thread, and nothing waits for it."""
    running = _RunningRequest(provider, question, seconds, now)
    Thread(target=running.run, name=f"kt-{provider.name}", daemon=True).start()
    reply = running.wait(seconds)
    return _redacted(provider.secret, reply)


class _RunningRequest:
    def __init__(
        self, provider: Provider, question: Question, seconds: float, now: datetime
    ) -> None:
        self._provider = provider
        self._question = question
        self._seconds = seconds
        self._now = now
        self._replies: SimpleQueue[ProviderReply] = SimpleQueue()
        self._connection: ModelConnection | None = None
        self._timed_out = False

    def run(self) -> None:
        try:
            self._connection = self._provider.connect()
            if not self._timed_out:
                self._replies.put(self._connection.ask(self._question, self._seconds))
        except Exception as raised:  # noqa: BLE001  a library may raise anything
            failure = of_exception(raised, self._seconds, self._now)
            self._replies.put(ProviderReply(failure=failure))

    def wait(self, seconds: float) -> ProviderReply:
        try:
            return self._replies.get(timeout=seconds)
        except Empty:
            self._timed_out = True
            if self._connection is not None:
                self._connection.cut()
            return ProviderReply(failure=Failure("timeout", f"no answer within {seconds:g} s"))


def _redacted(secret: str, reply: ProviderReply) -> ProviderReply:
    """The reply with the API key redacted: a server may echo it, and replies are stored."""
    if not secret:
        return reply
    failure = reply.failure
    if failure is not None:
        failure = replace(failure, words=failure.words.replace(secret, HIDDEN))
    return replace(
        reply,
        text=reply.text.replace(secret, HIDDEN),
        model=reply.model.replace(secret, HIDDEN),
        failure=failure,
    )
