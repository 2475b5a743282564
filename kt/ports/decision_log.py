"""What the journal knows about one decision: a part of the journal's interface."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from kt.records import (
    AnalystReply,
    Candidate,
    Check,
    Decision,
    DecisionOutcome,
    ExitLevels,
    JournaledQuestion,
    Order,
)


class DecisionLog(Protocol):
    """A decision with everything that led to it and came of it."""

    def decision_ids(self, beginning: str, limit: int) -> tuple[str, ...]:
        """The ids that begin so, oldest first; at most `limit`."""
        ...

    def decision(self, decision_id: str) -> tuple[Decision, str] | None:
        """The decision and the id of its run."""
        ...

    def question_of(self, key: str) -> JournaledQuestion | None:
        """The newest question with this key; None when the journal has none that can be read: it
        was pruned, another version of kt wrote it, or the file is damaged there."""
        ...

    def answer_of(self, key: str) -> AnalystReply | None:
        """The newest answer to the question with this key; None when the journal has none."""
        ...

    def candidate_before(self, run: str, stock_code: str, at: datetime) -> Candidate | None:
        """The stock as the run's last scan before a time found it."""
        ...

    def checks_of(self, decision_id: str) -> tuple[Check, ...]:
        """Oldest first, each with its rule results and without its decision; none for an empty
        id."""
        ...

    def orders_of(self, decision_id: str) -> tuple[Order, ...]:
        """In any state, oldest first; none for an empty id."""
        ...

    def exit_levels(
        self, stock_code: str, since: datetime, until: datetime
    ) -> tuple[ExitLevels, ...]:
        """Stops and targets as they were set from `since` to `until`, oldest first."""
        ...

    def outcome(self, decision_id: str) -> DecisionOutcome | None: ...
