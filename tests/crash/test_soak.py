"""The kill matrix at length: a thousand seeds, by hand.

    pytest -m soak tests/crash -s

`SOAK_RUNS` (1000) seeds from `SOAK_FIRST` (1) on, by `SOAK_THREADS` (2) threads. Each
result is a line of `SOAK_FILE`; seeds that stand there already are not played again, so a soak
that was broken off goes on where it was. `python -m tests.crash.test_soak SEED…` plays single ones.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import pytest

from tests.crash.cases import Result, by_seed
from tests.crash.stage import Stage

KINDS = ("duplicate", "orphan", "state", "fills", "position", "left", "strange")


def line_of(seed: int, result: Result) -> dict[str, Any]:
    """What is kept of a result; the whole story of one that failed."""
    bad = bool(result.verdict.differences)
    return {
        "seed": seed,
        "case": result.case.name,
        "kills": result.kills,
        "faults": result.acted,
        "leftovers": result.verdict.leftovers,
        "differences": list(result.verdict.differences),
        "story": result.failure() if bad else "",
    }


def table(lines: list[dict[str, Any]]) -> str:
    """The soak's sums, as a person wants to read them."""
    found = Counter(
        difference.partition(":")[0] for line in lines for difference in line["differences"]
    )
    sums = {
        "runs": len(lines),
        "kills": sum(line["kills"] for line in lines),
        "faults": sum(line["faults"] for line in lines),
        "runs in which a fault acted": sum(bool(line["faults"]) for line in lines),
        **{f"{kind}s": found[kind] for kind in ("duplicate", "orphan")},
        **{f"other differences ({kind})": found[kind] for kind in KINDS[2:]},
        "leftovers that a person was told of": sum(line["leftovers"] for line in lines),
    }
    return "\n".join(f"{name:40}{count:8}" for name, count in sums.items())


def soak(seeds: range, threads: int, path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []
    lines = [line for line in lines if line["seed"] in seeds]
    done = {line["seed"] for line in lines}
    stage = Stage(threads)
    try:
        begun = {stage.submit(by_seed(seed)): seed for seed in seeds if seed not in done}
        for future in as_completed(begun):
            line = line_of(begun[future], future.result())
            with path.open("a") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            lines.append(line)
    finally:
        stage.close()
    return lines


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_thousand_seeded_runs_keep_every_invariant(tmp_path: Path) -> None:
    first = int(os.environ.get("SOAK_FIRST", "1"))
    runs = int(os.environ.get("SOAK_RUNS", "1000"))
    path = Path(os.environ.get("SOAK_FILE", tmp_path / "soak.jsonl"))
    threads = int(os.environ.get("SOAK_THREADS", "2"))
    lines = soak(range(first, first + runs), threads, path)
    print("\n" + table(lines))
    assert len(lines) == runs
    bad = [line["story"] for line in lines if line["differences"]]
    assert not bad, "\n\n".join(bad[:5])


def _by_hand(seeds: list[int]) -> int:
    stage = Stage(1)
    code = 0
    try:
        for seed in seeds:
            result = stage.submit(by_seed(seed)).result()
            code |= bool(result.verdict.differences)
            print(result.failure() if result.verdict.differences else f"{result.case.name}: well")
    finally:
        stage.close()
    return code


if __name__ == "__main__":
    sys.exit(_by_hand([int(text) for text in sys.argv[1:]]))
