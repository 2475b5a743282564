"""The command line. Nothing outside imports it; `entry` is where every command ends.

`commands` and the rooms `order`, `run`, `sim` and `doctor` hold the commands, `support` and
`show` what they share, `completing` answers a TAB, `docs` and `topics` the documentation.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """The program `kt`: run the command line of this process and exit with its code. Files that it
    creates are readable by their owner only (umask 077)."""
    if os.environ.get("_KT_COMPLETE"):
        from kt.cli.completing.answer import main as complete

        sys.exit(complete())
    os.umask(0o077)
    from kt.cli.entry import run
    from kt.cli.support.termination import end_in_time

    end_in_time()
    sys.exit(run(sys.argv[1:]))
