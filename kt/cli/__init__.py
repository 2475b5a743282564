"""What you type. One file a command; `io` is the one place where every command ends."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """The program `kt`: run the command line of this process and exit with its code."""
    from kt.cli.io import run

    sys.exit(run(sys.argv[1:]))
