"""The fixtures of the step tests, for tests that go from a model to a decision."""

from __future__ import annotations

from tests.steps.conftest import world

__all__ = ["world"]
