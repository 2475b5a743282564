"""The command that installs an extra of kt where kt runs."""

from __future__ import annotations

import shlex
import sys


def pip_install(extra: str) -> str:
    """The shell's command. It names the interpreter: another one's pip does not know this kt, and
    would fetch whatever has its name."""
    return f"{shlex.quote(sys.executable)} -m pip install 'kt[{extra}]'"
