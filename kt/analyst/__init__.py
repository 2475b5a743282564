"""The analysts: a model (Gemini or an OpenAI-compatible server), the offline rules, or a replay
of recorded answers. Nothing is imported here: most commands decide nothing (see `lazy`)."""
