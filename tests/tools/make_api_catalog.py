"""Writes kt/api_catalog/apis.json: the names of every API's fields, from the reference's files.

    python tests/tools/make_api_catalog.py REFERENCE/api

Facts alone, no prose: ids, paths, field names, Korean labels, what is required, what nests in what.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[2] / "kt" / "api_catalog" / "apis.json"


def field(described: dict[str, Any]) -> list[Any]:
    """[name, label, required, depth]; a list field carries "list" as a fifth element."""
    row: list[Any] = [
        described["name"],
        described.get("label") or "",
        int(bool(described.get("required"))),
        described.get("depth", 0),
    ]
    return [*row, "list"] if described.get("type") == "list" else row


def compact(described: dict[str, Any]) -> list[Any]:
    return [
        described["name"],
        described["transport"],
        described["path"],
        [field(one) for one in described["request"]],
        [field(one) for one in described["response"]],
    ]


def render(folder: Path) -> str:
    """One API a line, so that a change shows as one line."""
    lines = []
    for path in sorted(folder.glob("*.json")):
        described = json.loads(path.read_text(encoding="utf-8"))
        facts = json.dumps(compact(described), ensure_ascii=False, separators=(",", ":"))
        lines.append(f"{json.dumps(described['id'])}:{facts}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(render(Path(sys.argv[1])), encoding="utf-8")
