"""Where the page goes: a file that is replaced as a whole, or stdout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kt.cli.page.html_page import MARK
from kt.errors import KtError, UsageError
from kt.files import replace_private, trouble
from kt.text import visible

if TYPE_CHECKING:
    from kt.cli.support.console import Console

STDOUT = "-"
HINT = "Name another file; `-` writes the page to stdout."


def put(console: Console, target: str, page: str) -> None:
    """Write the page. A file that exists is replaced when it is such a page itself, and the name
    of the file is printed. Raises UsageError for any other file, KtError when it cannot be
    written."""
    if target == STDOUT:
        console.steer(page)
        return
    path = Path(target).expanduser()
    try:
        _refuse_others(path)
        replace_private(path, page.encode())
    except OSError as error:
        why, _ = trouble(error)
        raise KtError(f"{visible(target)} cannot be written: {why}", hint=HINT) from error
    console.write(visible(str(path)) + "\n")


def _refuse_others(path: Path) -> None:
    """Raises UsageError for a folder, and for a file that is no page of kt."""
    if not path.exists():
        return
    if not path.is_file():
        raise UsageError(f"{visible(str(path))} is not a file; nothing was changed", hint=HINT)
    with path.open("rb") as file:
        beginning = file.read(200)
    if beginning and MARK.encode() not in beginning:
        raise UsageError(
            f"{visible(str(path))} is not a report of kt; it was left as it is", hint=HINT
        )
