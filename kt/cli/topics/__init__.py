"""The topics of `kt help`: Markdown files with `{{parts}}` generated from the code, and in `ko` the
same in Korean. Text for developers goes to docs/ instead."""

from __future__ import annotations

TOPICS: dict[str, str] = {
    "start": "From the first try to real money, in safe steps.",
    "pipes": "Documents between commands, and what is refused.",
    "orders": "How stocks, prices and quantities are written.",
    "safety": "The rules, the stops, and trading with real money.",
    "questions": "What the analyst is asked during the day.",
    "recovery": "Orders whose outcome is unknown, and crashes.",
    "figures": "What the numbers of kt pnl and kt report mean.",
    "backtest": "Minute bars, how orders fill on them, and the report.",
    "sweep": "Searching configuration values, and the verdict.",
    "cron": "Running unattended.",
    "notices": "Notification channels, and figures for monitors.",
    "database": "The journal in plain SQL.",
    "simulator": "The embedded exchange.",
    "environment": "Every environment variable.",
    "configuration": "Every key of config.yaml.",
    "exit-codes": "What each exit code means.",
    "errors": "The broker's error codes, and how kt handles them.",
    "denials": "Why an order was denied.",
}


def topic_text(name: str) -> str:
    """One topic as Markdown in the language in use, with its generated parts filled in."""
    import re
    from importlib import resources

    from kt.cli.docs.parts import PARTS
    from kt.translation import language

    folder = resources.files(__name__)
    folder = folder if language() == "en" else folder.joinpath(language())
    text = folder.joinpath(f"{name}.md").read_text(encoding="utf-8")
    return re.sub(r"\{\{([a-z-]+)\}\}", lambda found: PARTS[found[1]](), text)
