"""One request to a provider inside a deadline: a Reply, whatever it returns, raises or drips."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread

from kt.analyst.failure import Failure, of_exception
from kt.analyst.provider import ModelConnection, Provider, ProviderReply, Question

HIDDEN = "…"


def call(provider: Provider, question: Question, seconds: float, now: datetime) -> ProviderReply:
    """The reply, or what failed. `seconds` are real ones and hold for all of it, to the last
    byte: the request runs on a thread that is left behind then and ends with its connection."""
    running = _Running(provider, question, seconds, now)
    Thread(target=running.run, name=f"kt-{provider.name}", daemon=True).start()
    reply = running.wait(seconds)
    return _without(provider.secret, reply)


class _Running:
    def __init__(
        self, provider: Provider, question: Question, seconds: float, now: datetime
    ) -> None:
        self._provider = provider
        self._question = question
        self._seconds = seconds
        self._now = now
        self._replies: SimpleQueue[ProviderReply] = SimpleQueue()
        self._line: ModelConnection | None = None
        self._late = False

    def run(self) -> None:
        try:
            self._line = self._provider.line()
            if not self._late:
                self._replies.put(self._line.ask(self._question, self._seconds))
        except Exception as raised:  # noqa: BLE001  no list of what a library raises is whole
            failure = of_exception(raised, self._seconds, self._now)
            self._replies.put(ProviderReply(failure=failure))

    def wait(self, seconds: float) -> ProviderReply:
        try:
            return self._replies.get(timeout=seconds)
        except Empty:
            self._late = True
            if self._line is not None:
                self._line.cut()
            return ProviderReply(failure=Failure("timeout", f"no answer within {seconds:g} s"))


def _without(secret: str, reply: ProviderReply) -> ProviderReply:
    """No key in anything that is shown or kept, however the server came to write it."""
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
