"""`python -m kt.sim.server`: the detached exchange. It reads its settings as JSON from stdin."""

from __future__ import annotations

import sys

import msgspec

from kt.errors import KtError
from kt.sim.server.process import run_detached
from kt.sim.server.settings import Settings


def main() -> int:
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings, dec_hook=_path)
    try:
        run_detached(settings)
    except KtError as error:
        sys.stderr.write(f"{error.message}. {error.hint or ''}".strip() + "\n")
        return int(error.exit_code)
    return 0


def _path(kind: type, value: str) -> object:
    return kind(value)


if __name__ == "__main__":
    sys.exit(main())
