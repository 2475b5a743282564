"""How many tokens a text has for a model, estimated without the model's own tables.

Rather too many than too few: Gemini's vocabulary has no token of two digits, and prices are most
of a prompt. Models that join digits (GPT: up to three) count less.
"""

from __future__ import annotations

import re

EXPLAINED = (
    "an estimate, rather too high: each digit, sign and new line is 1 token, and so is a space "
    "before a figure; 4 letters are 1, 1.5 Korean letters are 1; the provider's own count is in "
    "`kt log`"
)
_ALONE = re.compile(r"\n| (?=[-+0-9])")


def estimate(text: str) -> int:
    """Tokens of the text, as EXPLAINED says."""
    digits = sum(letter.isdigit() for letter in text)
    korean = sum("\uac00" <= letter <= "\ud7a3" for letter in text)
    letters = sum(letter.isalpha() for letter in text) - korean
    signs = sum(not letter.isalnum() and not letter.isspace() for letter in text)
    alone = len(_ALONE.findall(text))
    return round(digits + signs + alone + letters / 4 + korean / 1.5)
