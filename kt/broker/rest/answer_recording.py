"""Requests and answers as a recording keeps them (docs/virtual-clock.md#recordings)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kt.broker.rest.client import CallRecorder
from kt.broker.rest.http_response import HttpResponse
from kt.recording.entries import RecordedAnswer
from kt.recording.recorder import Recorder

SECRET_FIELDS = ("token", "appkey", "secretkey", "acctNo", "acnt_no", "9201")
"""Fields of answers and frames that hold a secret or the account's number."""


def call_recorder(recorder: Recorder) -> CallRecorder:
    """What `Http.recorder` is set to."""

    def begin(
        path: str, headers: Mapping[str, str], body: object
    ) -> Callable[[HttpResponse], None]:
        ended = recorder.call(
            headers.get("api-id", ""),
            path,
            body,
            headers.get("next-key", ""),
            headers.get("authorization", "").removeprefix("Bearer "),
        )
        return lambda answer: ended(recorded(answer))

    return begin


def recorded(answer: HttpResponse) -> RecordedAnswer:
    """The answer as a recording keeps it."""
    return RecordedAnswer(
        evidence=answer.evidence,
        left=answer.left,
        http_status=answer.http_status,
        body=answer.body,
        more=answer.cont_yn,
        page=answer.next_key,
        date=answer.date,
        breach=answer.breach,
    )


def restored(found: RecordedAnswer) -> HttpResponse:
    """The answer that was recorded."""
    return HttpResponse(
        evidence=found.evidence,
        left=found.left,
        http_status=found.http_status,
        body=found.body,
        cont_yn=found.more,
        next_key=found.page,
        date=found.date,
        breach=found.breach,
    )
