"""How many tokens a text has for a model, estimated without the model's own tables."""

from __future__ import annotations

EXPLAINED = (
    "an estimate: each digit and each sign is 1 token, 4 letters are 1, 1.5 Korean letters are 1, "
    "a space goes with the word after it; the provider's own count is in `kt log`"
)


def estimate(text: str) -> int:
    """Tokens of the text, as EXPLAINED says."""
    digits = sum(letter.isdigit() for letter in text)
    korean = sum("\uac00" <= letter <= "\ud7a3" for letter in text)
    letters = sum(letter.isalpha() for letter in text) - korean
    signs = sum(not letter.isalnum() and not letter.isspace() for letter in text)
    return round(digits + signs + letters / 4 + korean / 1.5)
