"""The generated files: shell completions, the example configuration, sections of README.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path


def generated(root: Path) -> Iterator[tuple[Path, str]]:
    """The path and expected text of every generated file of the project."""
    from kt.cli.completing.scripts import SHELLS, script
    from kt.cli.docs.example import example_config
    from kt.cli.docs.grammar import grammar

    for shell in SHELLS:
        yield root / "completions" / f"kt.{shell}", script(shell)
    yield root / "kt/cli/completing/grammar.json", grammar()
    yield root / "config.yaml.example", example_config()
    readme = root / "README.md"
    if readme.is_file():
        yield readme, with_sections(readme.read_text(encoding="utf-8"))


def with_sections(text: str) -> str:
    """README with each of our `<!-- name -->…<!-- /name -->` sections regenerated."""
    for name, write in SECTIONS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)
        text = pattern.sub(lambda found, write=write: f"{found[1]}{write()}{found[3]}", text)  # type: ignore[misc]
    return text


def commands_section() -> str:
    """The table of commands, with the subcommands of each group."""
    import click

    from kt.cli.root import root
    from kt.cli.support.click_extensions import LazyGroup

    context = click.Context(root)
    lines = ["| command | what it does |", "| --- | --- |"]
    for name, entry in root.entries.items():
        found = root.get_command(context, name)
        below = (
            ", ".join(f"`{sub}`" for sub in found.entries) if isinstance(found, LazyGroup) else ""
        )
        lines.append(f"| `kt {name}` {below} | {entry.summary} |".replace("  ", " "))
    return "\n".join(lines) + "\n"


def exit_codes_section() -> str:
    from kt.errors import EXIT_MEANINGS

    lines = ["| exit code | meaning |", "| --- | --- |"]
    lines += [f"| {code.value} | {meaning} |" for code, meaning in EXIT_MEANINGS.items()]
    return "\n".join(lines) + "\n"


def environment_section() -> str:
    from kt.config.load import ENVIRONMENT

    lines = ["| variable | what for |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in ENVIRONMENT.items()]
    return "\n".join(lines) + "\n"


def denials_section() -> str:
    from kt.rules.risk.denials import DENIALS

    lines = ["| code | meaning |", "| --- | --- |"]
    lines += [f"| `{code.value}` | {meaning} |" for code, meaning in DENIALS.items()]
    return "\n".join(lines) + "\n"


SECTIONS: dict[str, Callable[[], str]] = {
    "commands": commands_section,
    "exit-codes": exit_codes_section,
    "environment": environment_section,
    "denials": denials_section,
}
"""The generated sections of README.md, by the name in their markers."""
