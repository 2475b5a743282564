"""What is written from the code is fresh, complete, and says so when it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kt.cli.command_table import COMMANDS
from kt.cli.completing.scripts import SHELLS, script
from kt.cli.docs.__main__ import ROOT, main
from kt.cli.docs.example import example_config
from kt.cli.docs.generated import SECTIONS, generated, with_sections
from kt.cli.docs.keys import sections
from kt.config.load import load_config
from kt.config.model import DEFAULT_PROFILES, Config


def test_everything_generated_is_fresh() -> None:
    stale = [
        str(path)
        for path, text in generated(ROOT)
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "run: python -m kt.cli.docs --write"


def test_the_example_loads_to_the_defaults() -> None:
    path = ROOT / "config.yaml.example"
    assert path.read_text(encoding="utf-8") == example_config()
    assert load_config(path, {}) == Config()


def flat(section: dict[str, Any]) -> Iterator[str]:
    """The keys of a section and of the sections inside it."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from (f"{key}.{inner}" for inner in flat(value))
        else:
            yield key


def test_the_example_names_every_key_and_says_what_it_means() -> None:
    text = example_config()
    known = {key.path: key for section in sections() for key in section.keys}
    expected = set()
    for name, value in msgspec.to_builtins(Config()).items():
        expected |= {f"{name}.{key}" for key in flat(value)} if isinstance(value, dict) else {name}
    expected = {key for key in expected if not key.startswith("profiles.")}
    expected |= {
        f"profiles.{name}.{key}"
        for name, profile in DEFAULT_PROFILES.items()
        for key in msgspec.to_builtins(profile)
    }
    assert set(known) == expected
    silent = [path for path, key in known.items() if not key.meaning and path != "analyst.kind"]
    assert not silent
    assert all(f"{path.rpartition('.')[2]}: " in text for path in known)
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts_are_kept_as_files(shell: str) -> None:
    text = script(shell)
    assert "_KT_COMPLETE" in text and text.endswith("\n")
    assert (ROOT / "completions" / f"kt.{shell}").read_text(encoding="utf-8") == text


def test_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- commands -->(.*)<!-- /commands -->", text, re.DOTALL)
    assert table and all(f"| `kt {name}`" in table[1] for name in COMMANDS)


def test_only_what_stands_between_markers_is_written() -> None:
    text = "before\n<!-- exit-codes -->\nold\n<!-- /exit-codes -->\nafter\n<!-- other -->\n"
    new = with_sections(text)
    assert new.startswith("before\n<!-- exit-codes -->\n| exit code | meaning |\n")
    assert new.endswith("<!-- /exit-codes -->\nafter\n<!-- other -->\n")
    assert "old" not in new and with_sections(new) == new
    assert {"commands", "exit-codes", "environment", "denials"} == set(SECTIONS)


def test_check_fails_when_stale_and_write_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("<!-- commands -->\n<!-- /commands -->\n", "utf-8")
    assert main(["--check"], tmp_path) == 1
    said = capsys.readouterr().err
    assert said.startswith("stale: completions/kt.bash, ") and "README.md" in said
    assert main(["--write"], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    (tmp_path / "config.yaml.example").write_text("", "utf-8")
    assert main(["--check"], tmp_path) == 1
    assert main([], tmp_path) == 2
