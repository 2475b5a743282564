"""The form of every message that ends a command: what happened, then what to do."""

from __future__ import annotations

from kt.text import sentences, visible
from kt.translation import tr


def sentence(message: str, hint: str | None) -> str:
    """`kt: what happened. What to do.` in the language in use, on one line unless the message has
    indented lines."""
    text = tr(sentences(message)).strip(" ")
    if not text.endswith((".", "!", "?", "\n")):
        text += "."
    if not hint:
        return f"kt: {text}".rstrip("\n")
    hint = visible(tr(hint[:1].upper() + hint[1:]))
    gap = "" if text.endswith("\n") else " "
    return f"kt: {text}{gap}{hint}{'' if hint.endswith(('.', '!', '?')) else '.'}"
