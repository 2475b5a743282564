"""Reads the configuration file, with every scalar as a string.

Accepts only a small subset of YAML: limited size and depth, no aliases, no duplicate keys. Errors
quote only names of keys from the file, because values may be secrets.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError
from kt.text import steering

if TYPE_CHECKING:
    import yaml

MOST_BYTES = 256 * 1024
MOST_DEPTH = 8
"""Maximum nesting of sections."""
MOST_LETTERS = 4_096
"""Maximum length of one key or value."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The file as nested mappings in which every scalar is a string.

    YAML's implicit types would turn `000660` into 432 and `15:30` into 930; the model's types are
    applied later instead. Raises ConfigError for anything that is not such a file.
    """
    import yaml

    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(f"{path} is larger than {MOST_BYTES >> 10} KiB", hint=_EXAMPLE)
        data = _load(content.removeprefix(BOM_UTF8).decode(), path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=_CHECK) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start})", hint=_CHECK) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {_problem(error)}", hint=_CORRECT) from error
    except (ValueError, OverflowError) as error:  # an invalid number or version directive
        raise ConfigError(f"{path} is not YAML", hint=_CHECK) from error
    if data in (None, ""):
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds no keys", hint=_EXAMPLE)
    return data


_CHECK = "Check the file."
_CORRECT = "Correct that line."
_EXAMPLE = "See config.yaml.example."


def named(key: object) -> str:
    """A key as errors quote it: only if it looks like a key, otherwise its length."""
    text = str(key)
    if re.fullmatch(r"[A-Za-z][A-Za-z_.-]{0,29}", text):
        return repr(text)
    return f"of {len(text)} characters that kt knows"


def _problem(error: yaml.YAMLError) -> str:
    """The YAML parser's message, without the content of the line."""
    import yaml

    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = re.sub(r"'[^']*'|\"[^\"]*\"", "…", error.problem or error.context or "unreadable")
        return f"{what}{_line(mark) if mark else ''}"
    return "a character that does not belong in it"


def _line(mark: yaml.Mark) -> str:
    return f", line {mark.line + 1}"


def _load(text: str, path: Path) -> Any:
    import yaml

    class Loader(yaml.BaseLoader):
        """A loader without aliases, deep nesting and duplicate keys."""

        depth = 0

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            event: yaml.NodeEvent = self.peek_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _refused(path, event.start_mark, "aliases (& and *) are not taken")
            if self.depth > MOST_DEPTH:
                raise _refused(path, event.start_mark, f"more than {MOST_DEPTH} levels")
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            if isinstance(node, yaml.ScalarNode):
                _check_text(node, path)
            return node

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: dict[str, int] = {}
            for key, _ in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                if name in seen:
                    what = f"the key {named(name)} occurs twice (first in line {seen[name]})"
                    raise _refused(path, key.start_mark, what)
                seen[name] = line
            return super().construct_mapping(node, deep)

    return yaml.load(text, Loader)


def _check_text(node: yaml.ScalarNode, path: Path) -> None:
    if len(node.value) > MOST_LETTERS:
        raise _refused(path, node.start_mark, f"a text of {len(node.value):,} characters")
    if steering(node.value):
        raise _refused(path, node.start_mark, "a text with characters that do not show")


def _refused(path: Path, mark: Any, what: str) -> ConfigError:
    return ConfigError(f"{path}: line {mark.line + 1}: {what}", hint=_CORRECT)
