"""The generated files: shell completions, the example configuration, sections of README.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from kt.translation import speaking, tr


def generated(root: Path) -> Iterator[tuple[Path, str]]:
    """The path and expected text of every generated file of the project."""
    from kt.cli.completing.scripts import SHELLS, script
    from kt.cli.docs.catalogue import catalogues
    from kt.cli.docs.example import example_config
    from kt.cli.docs.grammar import grammar

    for shell in SHELLS:
        yield root / "completions" / f"kt.{shell}", script(shell)
    yield root / "kt/cli/completing/grammar.json", grammar()
    yield root / "config.yaml.example", example_config()
    if (root / "kt").is_dir():
        yield from catalogues(root)
    for readme, language in ((root / "README.md", "en"), (root / "docs" / "README.ko.md", "ko")):
        if readme.is_file():
            with speaking(language):
                text = with_sections(readme.read_text(encoding="utf-8"))
            yield readme, text


def with_sections(text: str) -> str:
    """README with each of our `<!-- name -->…<!-- /name -->` sections regenerated, in the language
    in use."""
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
    lines = [_head("command", "what it does")]
    for name, entry in root.entries.items():
        found = root.get_command(context, name)
        below = (
            ", ".join(f"`{sub}`" for sub in found.entries) if isinstance(found, LazyGroup) else ""
        )
        lines.append(f"| `kt {name}` {below} | {tr(entry.summary)} |".replace("  ", " "))
    return "\n".join(lines) + "\n"


def _head(left: str, right: str) -> str:
    return f"| {tr(left)} | {tr(right)} |\n| --- | --- |"


def exit_codes_section() -> str:
    from kt.errors import EXIT_MEANINGS

    lines = [_head("exit code", "meaning")]
    lines += [f"| {code.value} | {tr(meaning)} |" for code, meaning in EXIT_MEANINGS.items()]
    return "\n".join(lines) + "\n"


def environment_section() -> str:
    from kt.config.load import ENVIRONMENT

    lines = [_head("variable", "what for")]
    lines += [f"| `{name}` | {tr(meaning)} |" for name, meaning in ENVIRONMENT.items()]
    return "\n".join(lines) + "\n"


def denials_section() -> str:
    from kt.rules.risk.denials import DENIALS

    lines = [_head("code", "meaning")]
    lines += [f"| `{code.value}` | {tr(meaning)} |" for code, meaning in DENIALS.items()]
    return "\n".join(lines) + "\n"


SECTIONS: dict[str, Callable[[], str]] = {
    "commands": commands_section,
    "exit-codes": exit_codes_section,
    "environment": environment_section,
    "denials": denials_section,
}
"""The generated sections of README.md, by the name in their markers."""
