"""The world of the steps, for what is between a model and a decision."""

from __future__ import annotations

from tests.steps.conftest import world

__all__ = ["world"]
