"""How long `kt --help` takes beside `python -c "import click"`: medians of fresh processes.

Run by hand: python tests/bench/startup.py [rounds]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    'python -c "import click"': [sys.executable, "-c", "import click"],
    "kt --help": [sys.executable, "-m", "kt", "--help"],
    "kt order buy --help": [sys.executable, "-m", "kt", "order", "buy", "--help"],
    "kt help pipes": [sys.executable, "-m", "kt", "help", "pipes"],
}
GOAL = 1.5


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main(rounds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):  # in turn, so that a busy moment hits all of them
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    base = medians['python -c "import click"']
    for name, median in medians.items():
        print(f"{name:<28}{median * 1000:7.1f} ms  {median / base:5.2f} x")
    print(f"goal: kt --help within {GOAL} x of importing click")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
