"""What a word may be completed to: stocks by code and name, held stocks, orders. From the state
folder's files, as they are: nothing is fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from kt.paths import ProfilePaths, users_folder
from kt.rules.stock_names import begins_with_initials, find, key
from kt.rules.typed_text import folded
from kt.store import completion_rows

_PROFILES = ("sim", "mock", "real")
_LINE = r"^{}:[ \t]*[\"']?([^\"'#\n]+)"
_MOST_BYTES = 256 * 1024

Offer = tuple[str, str]


def offers(kind: str, begun: str, environ: Mapping[str, str], most: int) -> list[Offer]:
    """At most `most` values of a kind (`stock`, `held`, `open_order`, `unknown_order`) that the
    begun word may become, each with what it is."""
    paths = ProfilePaths(profile_folder(environ))
    if kind in {"open_order", "unknown_order"}:
        states = completion_rows.OPEN if kind == "open_order" else completion_rows.UNKNOWN
        return _orders(paths, states, begun)[:most]
    held = {
        code: (name, f"{quantity:,} held")
        for code, name, quantity in completion_rows.positions(paths.journal)
    }
    mine = _fitting(held, begun)
    if (kind == "held" and mine) or (not begun and mine):
        return mine[:most]
    listed = {code: (name, "") for code, name in _listed(paths.instruments).items()}
    ordered = {code: (name, "") for code, name in completion_rows.ordered(paths.journal)}
    if not begun and ordered:
        return _fitting(ordered, begun)[:most]
    return _fitting({**ordered, **listed, **held}, begun)[:most]


def _fitting(stocks: Mapping[str, tuple[str, str]], begun: str) -> list[Offer]:
    """Codes when a code was begun, otherwise names; those that begin with it first. Names are
    written without blanks, so that no shell has to quote them; kt reads them so."""
    typed = folded(begun)
    if typed[:1].isdigit() and typed.isascii():
        wanted = typed.upper()
        return [
            (code, f"{name} {note}".rstrip())
            for code, (name, note) in stocks.items()
            if code.startswith(wanted)
        ]
    plain = key(typed)
    keys = ((code, name, key(name)) for code, (name, _) in stocks.items())
    ranked = sorted(
        (not name_key.startswith(plain), len(name), name, code)
        for code, name, name_key in keys
        if plain in name_key or begins_with_initials(plain, name_key)
    )
    if not ranked and plain:
        names = {code: name for code, (name, _) in stocks.items()}
        ranked = [(False, 0, match.name, match.code) for match in find(typed, names)]
    return [
        ("".join(name.split()), f"{code} {stocks[code][1]}".rstrip()) for *_, name, code in ranked
    ]


def _orders(paths: ProfilePaths, states: tuple[str, ...], begun: str) -> list[Offer]:
    """By the broker's number, or the end of kt's id where there is none; a stock's name that was
    begun finds its orders too."""
    typed = key(begun)
    found = []
    for order in completion_rows.orders(paths.journal, states):
        short = order.order_id[-6:]
        numbers = (order.ord_no, order.ord_no.lstrip("0"), short, order.order_id)
        number = any(part.casefold().startswith(typed) for part in numbers if part)
        if number or typed in key(order.stock_name) or order.stock_code.startswith(typed):
            price = f"{order.price:,}" if order.price else "market"
            what = f"{order.side} {order.quantity:,} {order.stock_name} at {price}, {order.state}"
            found.append((order.ord_no or short, what))
    return found


def _listed(path: Path) -> dict[str, str]:
    """The kept list of stocks, however old: a suggestion need not be of today."""
    try:
        stocks = json.loads(path.read_bytes())["stocks"]
        return {stock["stock_code"]: stock["stock_name"] for stock in stocks}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def profile_folder(environ: Mapping[str, str]) -> Path:
    """The state folder of the profile in use. Of the configuration only the lines `profile:` and
    `state_dir:` are looked at: the whole of it takes longer to read than a TAB may."""
    text = _configuration(environ)
    profile = environ.get("KT_PROFILE") or _setting(text, "profile")
    state = environ.get("KT_STATE_DIR") or _setting(text, "state_dir")
    folder = Path(state).expanduser() if state else users_folder("state") or Path()
    return folder / (profile if profile in _PROFILES else _PROFILES[0])


def _configuration(environ: Mapping[str, str]) -> str:
    named = environ.get("KT_CONFIG")
    places = [Path(named).expanduser()] if named else [Path("config.yaml")]
    own = None if named else users_folder("config")
    if own is not None:
        places.append(own / "config.yaml")
    for place in places:
        try:
            with place.open(encoding="utf-8", errors="replace") as file:
                return file.read(_MOST_BYTES)
        except OSError:
            continue
    return ""


def _setting(text: str, name: str) -> str:
    found = re.search(_LINE.format(name), text, re.MULTILINE)
    return found[1].strip() if found else ""
