"""`python -m kt.cli.docs --check` fails when a generated file is stale; `--write` updates it."""

from __future__ import annotations

import sys
from pathlib import Path

from kt.cli.docs.generated import generated

ROOT = Path(__file__).resolve().parents[3]


def main(arguments: list[str], root: Path = ROOT) -> int:
    if arguments not in (["--check"], ["--write"]):
        sys.stderr.write("usage: python -m kt.cli.docs --check | --write\n")
        return 2
    stale = []
    for path, text in generated(root):
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if arguments == ["--write"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stderr.write(f"wrote {path.relative_to(root)}\n")
    if stale and arguments == ["--check"]:
        names = ", ".join(str(path.relative_to(root)) for path in stale)
        sys.stderr.write(f"stale: {names}. Run: python -m kt.cli.docs --write\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
