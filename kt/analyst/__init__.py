"""Who decides: Gemini, the offline rules, or a replay of what was decided before."""

from kt.analyst.choice import choose

__all__ = ["choose"]
