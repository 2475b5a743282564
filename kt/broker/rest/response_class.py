"""Classifies one answer of the broker by the tables of `error_codes`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from kt.broker.rest.error_codes import (
    BY_CODE,
    HINTS,
    HTTP_STATUSES,
    RETURN_CODES,
    TREATMENTS,
    Category,
    CodeRule,
)
from kt.broker.wire import scalars
from kt.errors import BrokerRefused, KtError
from kt.records import Concern

_ORDER_CODE = re.compile(r"\]\(([0-9A-Z]+):")
_CODES = (
    _ORDER_CODE,
    re.compile(r"\[([0-9]{3,5}):"),
    re.compile(r"CODE=([0-9]{3,5})"),
    re.compile(r"\[([0-9]{3,5})\]"),
)
_NAMED = re.compile(
    r"(?:파라미터|종목코드|거래소구분|실패사유)\s*=\s*(.+?)(?=,\s|\s+실패사유|\]|$)"
)
"""The reason that a refused query names: a field, a stock code, a venue, or a text."""
_NOT_ENOUGH = re.compile(r"매도가능수량[^)\]]*부족")
"""The text for selling more than is held, in case the real server uses another code for it."""
_NOTHING_FOUND = re.compile(r"(내역|자료|데이터|결과)[^)\]]*없")


@dataclass(frozen=True, slots=True)
class Classified:
    """A failed answer, classified. `rule` is None when its bracket code is not in the table."""

    category: Category
    code: str
    message: str
    http_status: int
    return_code: int | None
    rule: CodeRule | None

    @property
    def order_shaped(self) -> bool:
        """Whether it has the form of a refused order: return_code 20, `[2000](X:…)`."""
        return self.return_code == 20 and _ORDER_CODE.search(self.message) is not None

    @property
    def concerns(self) -> Concern | None:
        """What the refusal concerns; None if unknown."""
        if self.rule is not None:
            return self.rule.concerns
        if self.not_enough:
            return Concern.ORDER
        return Concern.KEY if self.category is Category.AUTHENTICATION else None

    @property
    def not_enough(self) -> bool:
        """Whether a sell was refused because the account holds fewer shares."""
        if self.rule is not None:
            return self.rule.not_enough
        return self.order_shaped and _NOT_ENOUGH.search(self.message) is not None

    @property
    def renewable(self) -> bool:
        """Whether a new token may help."""
        return self.rule is not None and self.rule.renew and self.http_status < 500

    @property
    def limits(self) -> bool:
        return self.category is Category.LIMITS

    @property
    def nothing(self) -> bool:
        """Whether the broker said that there is no data."""
        return self.category is Category.NO_DATA

    @property
    def retry(self) -> bool:
        """Whether a query may be retried."""
        return TREATMENTS[self.category].retry

    @property
    def not_taken_for_rate(self) -> bool:
        """Whether the broker said that it did not take the call because of the rate limit."""
        said = self.rule is not None or (self.http_status == 429 and self.return_code == 5)
        return self.limits and said

    def error(self, what: str) -> KtError:
        """The exception for a query `what` (an API id) that was answered so."""
        rule = self.rule if self.rule and self.rule.category is self.category else None
        raised = (rule.error if rule else TREATMENTS[self.category].error) or BrokerRefused
        meaning = self._explained(rule) if rule else self._unexplained()
        hint = (rule.hint if rule else "") or HINTS.get(self.category)
        return raised(f"{what}: {meaning}", hint=hint or None, code=self.code or None)

    def _explained(self, rule: CodeRule) -> str:
        named = ", ".join(_NAMED.findall(self.message))
        return f"{rule.meaning}{': ' if named else ''}{named} [{self.code}]"

    def _unexplained(self) -> str:
        said = self.message or f"HTTP {self.http_status}"
        return f"the broker answered return_code {self.return_code}: {said}"


MOST_SAID = 1_000
"""Characters of a message that are read. The longest in the broker's table has about 70."""
UNREADABLE = -1
"""The value for a return_code that is present but not a number."""
_ENVELOPE = frozenset({"return_code", "return_msg", "returnCode", "returnMsg"})


def return_code(body: Mapping[str, object]) -> int | None:
    """The code as a number, from a number or a text, under either of its two field names."""
    raw = body.get("return_code", body.get("returnCode"))
    if type(raw) is int:
        return raw
    try:
        return None if raw is None else scalars.integer(raw)
    except ValueError:
        return UNREADABLE if raw else None


def return_message(body: Mapping[str, object]) -> str:
    """The message, cut to MOST_SAID characters."""
    raw = body.get("return_msg", body.get("returnMsg"))
    return raw[:MOST_SAID].strip() if isinstance(raw, str) else ""


def bracket_code(message: str) -> str:
    """The code inside a message: `[1504:…]`, `[2000](RC4058:…)`, `CODE=8005`; else empty."""
    for pattern in _CODES:
        match = pattern.search(message)
        if match:
            return match[1]
    return ""


@lru_cache(maxsize=256)
def _says_nothing(message: str) -> bool:
    """Whether it tells that there is no data. Successes have few messages, and many calls."""
    return _NOTHING_FOUND.search(message) is not None


def classify(http_status: int, body: Mapping[str, object] | None) -> Classified | None:
    """None for a success; `body` is None when it was not a JSON object.

    A success whose only content is the message that there is no data counts as NO_DATA.
    """
    code = return_code(body) if body is not None else None
    message = return_message(body) if body is not None else ""
    if http_status < 400 and code == 0 and not _says_nothing(message):
        return None
    bracket = bracket_code(message)
    rule = BY_CODE.get(bracket)
    if http_status < 400 and body is not None and not code:
        if code is None or not _says_nothing(message) or body.keys() - _ENVELOPE:
            return None
        return Classified(Category.NO_DATA, bracket, message, http_status, code, None)
    category = _category(http_status, code, message, rule)
    return Classified(category, bracket, message, http_status, code, rule)


def _category(http_status: int, code: int | None, message: str, rule: CodeRule | None) -> Category:
    if http_status >= 500 or (http_status < 400 and code is None):
        return Category.SERVER
    if rule is not None:
        return rule.category
    if code == 20 and _NOTHING_FOUND.search(message):
        return Category.NO_DATA
    if code in RETURN_CODES:
        return RETURN_CODES[code][0]
    if http_status == 429:
        return HTTP_STATUSES["429"][0]
    return HTTP_STATUSES["4xx"][0] if http_status >= 400 else Category.UNKNOWN
