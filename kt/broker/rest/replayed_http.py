"""Http of a replay: answers come from a recording (docs/virtual-clock.md#recordings)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kt.broker.rest.answer_recording import restored
from kt.broker.rest.client import Http
from kt.broker.rest.deadlines import TIMEOUTS
from kt.broker.rest.endpoints import Priority
from kt.broker.rest.http_response import HttpResponse
from kt.broker.rest.send_progress import SendProgress
from kt.recording.entries import RecordedAnswer

FindAnswer = Callable[[str, object, str], RecordedAnswer | None]
"""Takes the API id, the body and the next-key; waits until the answer is due."""
TOKEN_API = "au10001"
TOKEN = RecordedAnswer(
    evidence="HTTP 200",
    http_status=200,
    body={"return_code": 0, "token": "0" * 32, "token_type": "bearer",
          "expires_dt": "20991231235959"},
)  # fmt: skip
"""For a run that had a token before it was recorded."""


class ReplayedHttp(Http):
    """Sends nothing. A request that was not recorded fails as one that never left."""

    def __init__(self, base_url: str, find: FindAnswer) -> None:
        super().__init__(base_url)
        self._find = find

    def post(
        self,
        path: str,
        headers: Mapping[str, str],
        body: object,
        *,
        fresh: bool = False,
        seconds: float = TIMEOUTS[Priority.SCAN].once,
        progress: SendProgress | None = None,
    ) -> HttpResponse:
        """The recorded answer to the next such request."""
        api_id = headers.get("api-id", "")
        progress = progress or SendProgress()
        progress.begin()
        written = progress.clock()
        found = self._find(api_id, body, headers.get("next-key", ""))
        if found is None and api_id == TOKEN_API:
            found = TOKEN
        if found is None:
            return HttpResponse("not in the recording", left=False)
        progress.left = found.left
        progress.written = written if found.left else None
        return restored(found)
