"""A panel of analysts that votes (`kt/rules/vote.py`), as one analyst.

Every member is asked at the same time, with its own deadline, breaker and share of the budget, and
its reply is told to `told` as it came. The panel's reply holds the result of the vote and costs
nothing itself.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from kt.analyst.replay import Keyed
from kt.analyst.request_key import key_of
from kt.ports import Analyst, Clock
from kt.records import AdviceRequest, AnalystReply, AnalystRequest, Candidate, PromptPreview
from kt.rules import decision_validation, vote
from kt.rules.advice_validation import ValidAdvice, judge_advice, majority
from kt.rules.decision_validation import MOST_REASON
from kt.rules.freshness import newest, stocks_of
from kt.rules.repair import repaired
from kt.rules.vote import Vote

NAME = "panel"
MOST_MODEL = 200
"""The longest name of a model that a document may hold."""
MOST_ERROR = 80
"""Characters of a member's error in the panel's; the member's own row has all of it."""
Told = Callable[[AnalystReply], None]


@dataclass(slots=True)
class _Answered:
    """A member with its reply, or the exception that its asking ended with."""

    name: str
    reply: AnalystReply | None = None
    raised: Exception | None = None


class PanelAnalyst:
    """Implements ports.Analyst; `members` are asked, and named `kind:model` in the votes."""

    def __init__(
        self, members: Sequence[Keyed], clock: Clock, told: Told, fallback: Analyst | None = None
    ) -> None:
        self._members = {f"{member.name}:{member.model}": member for member in members}
        self._clock = clock
        self._told = told
        self.fallback = fallback

    @property
    def name(self) -> str:
        return NAME

    @property
    def model(self) -> str:
        return "+".join(self._members)[:MOST_MODEL]

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """The vote on every stock; a stock without a quorum is not among the objects."""
        replies = self._asked(lambda member: member.decide(brief, faults))
        ballots: dict[str, list[Vote]] = {stock.stock_code: [] for stock in brief.stocks}
        for name, reply in replies.items():
            for code, ballot in _votes(name, reply, brief):
                ballots[code].append(ballot)
        found = {code: vote.decided(ballots[code], len(self._members)) for code in ballots}
        objects = tuple(
            fields | {"stock_code": stock.stock_code, "stock_name": stock.stock_name}
            for stock in brief.stocks
            if (fields := _cut(found[stock.stock_code]))
        )
        key, asof = self.decide_key(brief, faults), newest(brief.stocks, brief.asof)
        made = self._reply("decide", key, replies, objects, asof)
        return msgspec.structs.replace(
            made,
            votes={code: tuple(one.text() for one in votes) for code, votes in ballots.items()},
            notes=tuple(self._no_quorum(code, ballots[code]) for code in found if not found[code]),
        )

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        """The stocks that more than half of the members who answered picked."""
        replies = self._asked(lambda member: member.shortlist(candidates, count, asof))
        asked = {candidate.stock_code for candidate in candidates}
        ballots = {}
        for name, reply in replies.items():
            made, _ = repaired(reply.objects, asked)
            picks, faults = decision_validation.judge_shortlist(made, candidates, count)
            if not reply.error and (picks or not faults):
                ballots[name] = picks
        objects = tuple(_cut(fields) for fields in vote.chosen(ballots, count))
        key = self.shortlist_key(candidates, count, asof)
        return self._reply("shortlist", key, replies, objects, asof)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """The vote about every subject; one without a majority is not among the objects."""
        replies = self._asked(lambda member: member.advise(request, faults))
        ballots: dict[str, list[ValidAdvice]] = {one.ref: [] for one in request.subjects}
        for reply in replies.values():
            for ref, answer in judge_advice(reply.objects, request).good.items():
                ballots[ref].append(answer)
        objects = tuple(
            {"ref": ref, "choice": won.choice.value, "price": won.price, "reason": won.reason}
            for ref, answers in ballots.items()
            if (won := majority(answers, self._quorum)) is not None
        )
        key, asof = self.advice_key(request, faults), newest(stocks_of(request), request.asof)
        return self._reply(request.topic.value, key, replies, objects, asof)

    def advice_key(self, request: AdviceRequest, faults: Sequence[str] = ()) -> str:
        keys = [member.advice_key(request, faults) for member in self._members.values()]
        return key_of(request.topic.value, NAME, self.model, {}, keys)

    def decide_key(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> str:
        keys = [member.decide_key(brief, faults) for member in self._members.values()]
        return key_of("decide", NAME, self.model, {}, keys)

    def shortlist_key(self, candidates: Sequence[Candidate], count: int, asof: datetime) -> str:
        keys = [m.shortlist_key(candidates, count, asof) for m in self._members.values()]
        return key_of("shortlist", NAME, self.model, {}, keys)

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        """The first member's prompt; the others are sent the same data."""
        previews = (member.preview(brief) for member in self._members.values())
        return next((preview for preview in previews if preview is not None), None)

    def probe(self) -> AnalystReply | None:
        """Every member's smallest request; the error of the first that fails."""
        replies = self._asked(lambda member: member.probe())
        if not replies:
            return None
        failed = [name for name, reply in replies.items() if reply.error]
        error = replies[failed[0]].error if failed else ""
        kind, _, words = error.partition(": ")
        made = self._reply("probe", "", replies, (), self._clock.now())
        answered = "+".join(f"{reply.analyst}:{reply.model}" for reply in replies.values())
        said = f"{kind}: {failed[0]}: {words}" if failed else ""
        return msgspec.structs.replace(made, model=answered, error=said)

    def _asked(self, ask: Callable[[Keyed], AnalystReply | None]) -> dict[str, AnalystReply]:
        """All replies by member, in the panel's order. Each member has a thread of its own, with
        the caller's time limit."""
        answered = [_Answered(name) for name in self._members]
        threads = [
            threading.Thread(
                target=contextvars.copy_context().run,
                args=(_ask, one, self._members[one.name], ask),
                name="kt-panel",
                daemon=True,
            )
            for one in answered
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in answered:
            if one.raised is not None:
                raise one.raised
        return {one.name: one.reply for one in answered if one.reply is not None}

    def _reply(
        self,
        purpose: str,
        key: str,
        replies: dict[str, AnalystReply],
        objects: tuple[dict[str, Any], ...],
        data_at: datetime,
    ) -> AnalystReply:
        if purpose != "probe":
            for reply in replies.values():
                self._told(reply)
        error = self._error(replies)
        return AnalystReply(
            key=key,
            purpose=purpose,
            analyst=NAME,
            model=self.model,
            asked_model=self.model,
            objects=() if error else objects,
            raw="" if error else msgspec.json.encode(objects).decode(),
            prompt="",
            parameters={"members": list(self._members), "quorum": self._quorum},
            asked_at=self._clock.now(),
            data_at=data_at,
            latency_ms=max((reply.latency_ms for reply in replies.values()), default=0),
            error=error,
            attempts=0,
            prompt_version="+".join(
                dict.fromkeys(r.prompt_version for r in replies.values() if r.prompt_version)
            ),
        )

    @property
    def _quorum(self) -> int:
        return vote.quorum(len(self._members))

    def _error(self, replies: dict[str, AnalystReply]) -> str:
        """Empty when enough members answered; otherwise `kind: text` with the first one's kind."""
        failed = {name: reply for name, reply in replies.items() if reply.error}
        there = len(replies) - len(failed)
        if there >= self._quorum or not failed:
            return ""
        first = next(iter(failed.values()))
        errors = "; ".join(f"{name}: {reply.error[:MOST_ERROR]}" for name, reply in failed.items())
        counted = f"{there} of {len(self._members)} answered, {self._quorum} are needed"
        return f"{first.kind}: {counted}: {errors}"

    def _no_quorum(self, code: str, votes: Sequence[Vote]) -> str:
        return f"{code}: {len(votes)} of {len(self._members)} votes, {self._quorum} are needed"


def _ask(one: _Answered, member: Keyed, ask: Callable[[Keyed], AnalystReply | None]) -> None:
    """A member's thread."""
    try:
        one.reply = ask(member)
    except Exception as raised:  # noqa: BLE001 - carried to whoever asked, who raises it
        one.raised = raised


def _votes(name: str, reply: AnalystReply, brief: AnalystRequest) -> list[tuple[str, Vote]]:
    """A member's valid answers by stock code; an invalid one is no vote."""
    objects, _ = repaired(reply.objects, {stock.stock_code for stock in brief.stocks})
    judged = decision_validation.judge(objects, brief)
    return [
        (
            decision.stock_code,
            Vote(
                name,
                decision.action,
                decision.quantity,
                decision.price,
                decision.confidence,
                decision.risk_level,
                decision.reason,
            ),
        )
        for decision in judged.decisions
    ]


def _cut(fields: dict[str, Any] | None) -> dict[str, Any]:
    """The fields with a reason that is not too long, since the votes' own reasons are in it."""
    return fields | {"reason": fields["reason"][:MOST_REASON]} if fields else {}
