"""Records the shortened day of tests/data/recordings again: `python -m tests.tools.make_recording`.

To be run when kt asks the broker for something else, or decides otherwise, on purpose.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from kt.cli.entry import run

PLACE = Path(__file__).parents[1] / "data" / "recordings" / "short-day.ktrec"
SETTINGS = {
    "session.start": "10:08",
    "session.prepare": "10:09",
    "session.open": "10:10",
    "session.last_buy": "10:11",
    "session.close": "10:12",
    "session.idle": "10:13",
    "limits.min_confidence": "0.4",
    "scan.fast_every": "90",
    "scan.fast_keep": "5",
    "scan.deep_keep": "3",
    "scan.ai_keep": "2",
    "scan.ai_every": "120",
    "exits.take_profit_pct": "0.2",
    "exits.stop_loss_pct": "0.2",
}
"""Two minutes in which a few stocks are bought and sold."""


def arguments(record: Path, folder: Path) -> list[str]:
    """The command line that records this day."""
    given = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    return ["backtest", "--seed=7", "-q", f"--record={record}", f"--folder={folder}", *given]


def main() -> int:
    """Record, and pack as small as it gets."""
    with TemporaryDirectory() as folder:
        new = Path(folder) / "new.ktrec"
        code = run([*arguments(new, Path(folder) / "run"), "-o", "json"])
        if code == 0:
            PLACE.write_bytes(gzip.compress(gzip.decompress(new.read_bytes()), 9, mtime=0))
    return code


if __name__ == "__main__":
    sys.exit(main())
