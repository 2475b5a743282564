"""What you type. One file a command; `io` is the one place where every command ends."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """The program `kt`: run the command line of this process and exit with its code. Whatever it
    writes is for its user alone."""
    os.umask(0o077)
    from kt.cli.entry import run
    from kt.cli.support.termination import end_in_time

    end_in_time()
    sys.exit(run(sys.argv[1:]))
