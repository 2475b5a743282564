"""The lines of a recording: a header, then one JSON object for each thing that happened. Times are
whole microseconds of kt's clock since the header's `began`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Union

import msgspec
from msgspec import Meta

from kt.records import AnalystReply, StreamState

FORMAT = 1
"""The version of the form. A kt reads its own and every earlier one."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line"):
    """What every line shares. Unknown fields are ignored: a newer kt may add some."""


class RecordingHeader(Line, frozen=True, kw_only=True, tag="header"):
    """The first line. `config` is the configuration without secrets, channels and folders, `digest`
    its SHA-256; `schema` is the version of the journal that the rows belong to.

    `exact`: recorded on the virtual clock, where computing takes no time, so that a replay must
    agree to the microsecond.
    """

    kt: str
    format: int
    command: str
    profile: str
    began: datetime
    seed: int
    digest: str
    config: dict[str, Any]
    schema: Annotated[int, Meta(ge=1, le=10_000)]
    analyst: str = ""
    model: str = ""
    exact: bool = False


class JournalRow(Line, frozen=True, kw_only=True, tag="row"):
    """A row of the journal as it was when the recording began; bytes in hexadecimal."""

    table: str
    values: dict[str, Any]


class RecordedAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `Http.post` returned: `kt.broker.rest.http_response.HttpResponse` as JSON."""

    evidence: str
    left: bool = True
    http_status: int = 0
    body: dict[str, Any] | None = None
    more: str = ""
    page: str = ""
    """Whether there is another page, and its key."""
    date: str = ""
    breach: str = ""


class RecordedCall(Line, frozen=True, kw_only=True, tag="call"):
    """One request to the broker, kept when it had ended. Of a token's request only the answer's
    form is kept."""

    at: int
    ended: int
    api_id: str
    answer: RecordedAnswer
    path: str = ""
    body: Any = None
    page: str = ""
    """The key of the page that was asked for; empty for the first."""


class RecordedFrame(Line, frozen=True, kw_only=True, tag="frame"):
    """A frame of the stream as it came; `text` where it is no JSON on one line."""

    at: int
    data: msgspec.Raw = msgspec.Raw(b"null")
    text: str = ""

    @property
    def content(self) -> bytes:
        return self.text.encode() if self.text else bytes(self.data)


class RecordedState(Line, frozen=True, kw_only=True, tag="state"):
    """The stream's connection changed."""

    at: int
    state: StreamState


class StreamAnswer(Line, frozen=True, kw_only=True, tag="stream"):
    """The end of a call to the stream: `what` is start, subscribe, unsubscribe or search, `about`
    its argument. `found` is the result of a search, `error` the name of an error's class with its
    message."""

    at: int
    what: str
    about: tuple[str, ...] = ()
    found: Any = None
    error: tuple[str, str] | None = None


class RecordedReply(Line, frozen=True, kw_only=True, tag="reply"):
    """The analyst's reply to a question `about` these stocks or subjects."""

    ended: int
    purpose: str
    about: tuple[str, ...]
    reply: AnalystReply


class RecordedResult(Line, frozen=True, kw_only=True, tag="made"):
    """What kt made of it: a decision, a check, an order's intent or an event of an order."""

    at: int
    what: str
    values: dict[str, Any]


class RecordingEnd(Line, frozen=True, kw_only=True, tag="end"):
    """The run ended in order."""

    at: int


Entry = Union[  # noqa: UP007  msgspec reads a union of tagged types in this form at run time
    JournalRow, RecordedCall, RecordedFrame, RecordedState, StreamAnswer, RecordedReply,
    RecordedResult, RecordingEnd,
]  # fmt: skip
"""Every line after the header."""
