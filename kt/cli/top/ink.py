"""The styles of the screen: kt's few colours in shades that a dark screen shows well."""

from __future__ import annotations

from rich.style import Style

from kt.cli.show.cells import PALETTES

SHADES = {"31": "#ff6b6b", "32": "#51cf66", "33": "#ffd43b", "34": "#4dabf7", "2": "dim"}
DIM, BOLD, PLAIN = Style(dim=True), Style(bold=True), Style()
REVERSE = Style(reverse=True)
BADGE = Style(reverse=True, bold=True)


def bold(color: str | None) -> Style:
    """Bold in this colour; without one just bold."""
    return Style(bold=True, color=color or None)


def styles(palette: str) -> dict[str, str]:
    """The style of a rise and a fall, and of each terminal colour of kt's tables; empty without
    colours."""
    if not palette:
        return {}
    return SHADES | {end: SHADES[code] for end, code in PALETTES[palette].items()}
