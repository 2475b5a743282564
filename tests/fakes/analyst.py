"""An analyst that answers what the test says."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kt.analyst.rules_advice import advice_objects
from kt.clock import ManualClock
from kt.ports import Analyst
from kt.records import (
    AdviceRequest,
    AnalystReply,
    AnalystRequest,
    Candidate,
    PromptPreview,
)


class ScriptedAnalyst:
    """Answers `decide` with `answers` in order (the last one for ever), as decision objects by
    stock code; what is not scripted is held. `block`, when set, is waited for first."""

    name = "scripted"
    model = "script-1"

    def __init__(self, clock: ManualClock, *answers: dict[str, dict[str, Any]]) -> None:
        self.clock = clock
        self.answers = list(answers) or [{}]
        self.faults: list[tuple[str, ...]] = []
        self.briefs: list[AnalystRequest] = []
        self.picks: tuple[dict[str, Any], ...] | None = None
        self.advice: dict[str, dict[str, Any]] = {}
        self.questions: list[AdviceRequest] = []
        self.error = ""
        self.tokens = 0
        self.cost = 0.0
        self.fallback: Analyst | None = None
        self.block: threading.Event | None = None
        self.asked = threading.Event()

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        self.briefs.append(brief)
        self.faults.append(tuple(faults))
        self.asked.set()
        if self.block is not None:
            self.block.wait(30)
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        objects = tuple(
            decision(stock.stock_code, stock.stock_name) | said.get(stock.stock_code, {})
            for stock in brief.stocks
        )
        return self._answer("decide", () if self.error else objects)

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        picks = self.picks
        if picks is None:
            picks = tuple(
                {"stock_code": c.stock_code, "score": c.score, "reason": "scripted"}
                for c in candidates[:count]
            )
        return self._answer("shortlist", () if self.error else picks)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        """As the offline analyst, except for the fields in `advice`, by subject."""
        self.questions.append(request)
        self.faults.append(tuple(faults))
        self.asked.set()
        if self.block is not None:
            self.block.wait(30)
        objects = advice_objects(request, buy_at=101.0, sell_at=-1.0, room_pct=3.0)
        said = tuple(one | self.advice.get(one["ref"], {}) for one in objects)
        return self._answer(request.topic.value, () if self.error else said)

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        return PromptPreview(version="scripted.1", text=f"about {len(brief.stocks)} stocks")

    def probe(self) -> AnalystReply | None:
        return self._answer("probe", ())

    def _answer(self, purpose: str, objects: tuple[dict[str, Any], ...]) -> AnalystReply:
        return AnalystReply(
            key=f"{purpose}-{len(self.briefs) + len(self.questions)}",
            purpose=purpose,
            analyst=self.name,
            model=self.model,
            objects=objects,
            raw="",
            prompt="",
            parameters={},
            asked_at=self.clock.now(),
            data_at=self.clock.now(),
            latency_ms=1,
            asked_model=self.model,
            tokens_in=self.tokens,
            cost_usd=self.cost,
            error=self.error,
        )


def decision(code: str, name: str, action: str = "HOLD", **more: Any) -> dict[str, Any]:
    """The decision object of docs/architecture.md#decision-object."""
    return {
        "action": action,
        "stock_code": code,
        "stock_name": name,
        "quantity": 0,
        "price": 0,
        "reason": "scripted",
        "confidence": 0.9,
        "risk_level": "LOW",
    } | more


def buy(price: int = 70_000, quantity: int = 10, **more: Any) -> dict[str, Any]:
    return {"action": "BUY", "price": price, "quantity": quantity} | more


def sell(price: int = 70_000, quantity: int = 10, **more: Any) -> dict[str, Any]:
    return {"action": "SELL", "price": price, "quantity": quantity} | more
