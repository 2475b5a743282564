"""The topics of `kt help`: Markdown texts, with `{{parts}}` that are read from the code."""

from __future__ import annotations

TOPICS: dict[str, str] = {
    "pipes": "Documents between commands, and what is refused.",
    "safety": "The rules, the stops, and what real money needs.",
    "recovery": "Orders whose outcome is unknown, and crashes.",
    "cron": "Running by itself.",
    "database": "The journal in plain SQL.",
    "simulator": "The embedded exchange.",
    "environment": "Every environment variable.",
    "configuration": "Every key of config.yaml.",
    "exit-codes": "What an exit status means.",
    "errors": "The broker's codes, and what kt does about them.",
    "denials": "Why an order was denied.",
}


def topic_text(name: str) -> str:
    """One topic as Markdown, complete."""
    import re
    from importlib import resources

    from kt.cli.docs.parts import PARTS

    text = resources.files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return re.sub(r"\{\{([a-z-]+)\}\}", lambda found: PARTS[found[1]](), text)
