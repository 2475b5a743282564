"""Hides secrets and account numbers in text before it is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kt.text import mask_account

_NAMED = re.compile(
    r"""(?ix)
    ( ["']? \b (?: authorization | access_?token | token | app_?key | secret_?key | app_?secret
               | api[_-]?key | x-goog-api-key | password ) \b ["']? \s* [:=] \s* ["']? )
    ( (?: bearer \s+ )? ) ( [^\s"',;&}]{6,} )
    """
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)([A-Za-z0-9._~+/=-]{6,})")
_GOOGLE = re.compile(r"\bAIza[0-9A-Za-z_-]{20,}")
_ACCOUNT = re.compile(
    r"""(?x)
    \b [0-9A-HJKMNP-TV-Z]{26} \b  # one of kt's identifiers, which may have ten digits in a row
    | (?<![\d.,]) ( \d{4} -? \d{4} -? \d{2} ) (?![\d.,]*\d)
    """
)
HIDDEN = "…"


def mask_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask the given secrets, and values that are labelled as tokens or keys. Lone surrogates,
    which no database can store, become question marks."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    text = _NAMED.sub(lambda found: f"{found[1]}{found[2]}{HIDDEN}", text)
    text = _BEARER.sub(lambda found: f"{found[1]}{HIDDEN}", text)
    return _GOOGLE.sub(HIDDEN, text)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask tokens, keys and account numbers (ten digits, with or without dashes), but no
    identifiers (ULIDs), by which people resolve an order.

    For messages, whose amounts have commas; not for data, where ten digits may be an amount.
    """
    return _ACCOUNT.sub(
        lambda found: mask_account(found[1]) if found[1] else found[0], mask_secrets(text, secrets)
    )
