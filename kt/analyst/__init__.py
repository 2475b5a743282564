"""The analysts: a model (Gemini or an OpenAI-compatible server), the offline rules, or a replay
of recorded answers."""

from kt.analyst.choice import choose

__all__ = ["choose"]
