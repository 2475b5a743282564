"""Collects the texts that people read from the code, for the catalogue of translations.

Nothing in the code marks them: a text that is made of words is a message, and an f-string is the
pattern of the messages it makes, so that none can be forgotten. `NOT_SHOWN` names what is made of
words and read by no person.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

from kt.records import OrderState, Origin

NOT_SHOWN = (
    "kt/analyst/account_tables.py",
    "kt/analyst/brief_tables.py",
    "kt/analyst/prompt.py",
    "kt/cli/completing/scripts.py",
    "kt/cli/docs/__main__.py",
    "kt/cli/docs/catalogue.py",
    "kt/cli/docs/extraction.py",
    "kt/cli/page/elements.py",
    "kt/cli/page/html_page.py",
    "kt/cli/support/messages.py",
    "kt/engine/metrics.py",
    "kt/extras.py",
    "kt/particles.py",
    "kt/rules/english_words.py",
    "kt/sim/exchange",
    "kt/sim/market",
    "kt/sim/server",
    "kt/sim/wire",
    "kt/store/completion_rows.py",
    "kt/store/redaction.py",
    "kt/store/schema.py",
    "kt/text.py",
    "kt/translation.py",
)
"""Files without texts for people: those of the exchange's wire, of prompts, of this tool."""
FROM_ELSEWHERE = (
    "n",
    "right",
    "unfilled",
    "not ordered",
    "fallback",
    "fault",
    "repaired",
    "missing",
    "now",
    "speed",
    "seed",
    "base url",
    "ws url",
    "version",
    "Buy",
    "Sell",
    "Hold",
    "BUY",
    "SELL",
    "HOLD",
    "ABSTAIN",
    "Start?",
    "[y/N]",
    "(none)",
    "None",
    "behind",
    "critical: {text}",
    "info: {text}",
    "{order} {quantity} at market",
    "{order} {quantity} at {price:,}",
    "the metrics file",
    "HH:MM-HH:MM",
    "a number",
    "a list",
    "to {le:,}",
    "from {ge:,}",
    "default",
    "required",
    "Commands",
    "Usage:",
    "Topics:",
    "Show this message and exit.",
    "Show the version and exit.",
    "No such option {name}",
    "No such option: {name}",
    "No such option {name}. Did you mean {possibility}?",
    "No such option {name}. (Did you mean one of: {possibilities}?)",
    "cannot be evaluated: {missing} is not known",
    "cannot be evaluated: {facts} is not known (nor can {others})",
    "cannot be evaluated: {facts} are not known (nor can {others})",
    "from the {source}",
    "{count:,} decisions",
    "{count:,} decision by {names}",
    "{count:,} decisions by {names}",
    "No such option: {name} Did you mean {possibility}?",
    "No such option: {name} (Possible options: {possibilities})",
    "Missing argument {name}",
    "Missing option {name}",
    "Got unexpected extra argument ({args})",
    "Got unexpected extra arguments ({args})",
    "Invalid value for {param_hint}: {message}",
    "Invalid value: {message}",
    "{value} is not one of {choices}",
    "Option {name} requires an argument",
    "Option {name} requires {nargs} arguments",
    "Option {name} does not take a value",
    "{value} is not in the range {range}",
    "No such command {name}",
)
"""Texts that are words of click, or that the code shows as data."""
_TECHNICAL = re.compile(
    r"\b(SELECT|PRAGMA|INSERT|DELETE FROM|CREATE|ORDER BY|BEGIN IMMEDIATE|IN \()|= \?"
    r"|^UPDATE |^ON CONFLICT| INTO |^CONNECT |^Host: |\\[bsd(\[]|^\[Unit\]|%%|^k[at]\d"
    r"|^# (HELP|TYPE)|^Bearer |^[A-Z][a-z]+-[A-Z]|excluded\.|\(\?|substr\("
    r"|^Invalid enum|[{}]|^# [<>]"
)
"""SQL, headers, units of systemd: words that no person reads."""
_PROSE = re.compile(
    r"(?:^|[\s(`'+-])[A-Za-z][\w'/-]*[,:;]?\s+[\w(`'<>=+-]*[A-Za-z]|\w+\s+[a-z]{2,}\b"
)
"""Two words beside each other: what makes a plain string a message."""
_WORD = re.compile(r"(?:^|[\s(+-])[a-z]{2,}(?:$|[\s.,:;?)+-])|[a-z]{2,} [a-z]", re.IGNORECASE)
"""A word of its own: what makes an f-string a pattern."""
_LETTERS = re.compile(r"[A-Za-z][A-Za-z' -]*[A-Za-z]")
_WORD_TAKERS = {
    "Column", "Finding", "_head", "adds_up", "buying", "columns.rate", "compare", "flag", "gain",
    "heading", "known", "say", "section", "tr", "wide",
}  # fmt: skip
"""Functions whose texts are shown even when they are one word."""
_HIDERS = {
    "compile",
    "ValueError",
    "TypeError",
    "AssertionError",
    "RuntimeError",
    "getattr",
    "context",
    "begin",
}
"""Functions whose texts are not shown."""
MAX_VARIANTS = 8
COMMON_WORDS = {
    "a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "it", "its", "kt", "of", "on",
    "or", "the", "to", "x",
}  # fmt: skip
"""A pattern of these alone, as `{side} at {price}`, would fit too many texts."""
_LETTER_RUNS = re.compile(r"[a-z]+")


def messages(root: Path) -> dict[str, set[str]]:
    """Every text for people in `kt/`, and the files that hold it."""
    found: dict[str, set[str]] = {}
    for path in sorted((root / "kt").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(NOT_SHOWN):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        shown = [*texts(tree), *(labels(tree) if name.startswith("kt/cli/") else ())]
        for text in filter(None, map(str.strip, shown)):
            found.setdefault(text, set()).add(name)
    for text in filter(None, (*key_meanings(), *OrderState, *Origin, *FROM_ELSEWHERE)):
        found.setdefault(text, set()).add("kt/cli/docs/extraction.py")
    return found


def labels(tree: ast.Module) -> Iterator[str]:
    """The words of a command's tables: its choices, titles, and the keys of its rows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            yield from _plain((node.body, node.orelse))
        elif isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            if "kind" in keys or "analyst_asked" in keys or "watched_by" in keys:
                yield from (str(key).replace("_", " ") for key in keys)
        elif isinstance(node, ast.Assign) and _title(node):
            yield from _plain([node.value])


def _title(node: ast.Assign) -> bool:
    """Whether this is a constant that holds one capitalized word."""
    name, value = node.targets[0], node.value
    return (
        isinstance(name, ast.Name)
        and name.id.isupper()
        and isinstance(value, ast.Constant)
        and re.fullmatch("[A-Z][a-z]+", str(value.value)) is not None
    )


def key_meanings() -> Iterator[str]:
    """The meanings of the configuration's sections and keys, which are docstrings of its model."""
    from kt.cli.docs.keys import sections

    for section in sections():
        yield from (text for text in (section.meaning, *(key.meaning for key in section.keys)))


def texts(tree: ast.Module) -> Iterator[str]:
    """The messages of one file."""
    hidden = set(_hidden(tree))
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.JoinedStr):
            yield from (text for text in variants(node) if _is_pattern(text))
            hidden.update(part for part in node.values if isinstance(part, ast.Constant))
            hidden.update(_specs(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _PROSE.search(node.value) and not _TECHNICAL.search(node.value):
                yield _paragraphs(node.value)
        else:
            yield from _words(node)


def _paragraphs(text: str) -> str:
    """A help text without the indentation of the code; other texts as they are."""
    below = [line for line in text.split("\n")[1:] if line.strip()]
    indented = bool(below) and all(line.startswith("    ") for line in below)
    return inspect.cleandoc(text) if indented else text


def _hidden(tree: ast.Module) -> Iterator[ast.AST]:
    """Docstrings, and what is given to functions that show nothing."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for part in body if isinstance(body, list) else ():
            if isinstance(part, ast.Expr):
                yield part.value
        if isinstance(node, ast.Call) and _callee(node) in _HIDERS:
            yield from (part for given in node.args for part in ast.walk(given))


def _specs(node: ast.JoinedStr) -> Iterator[ast.AST]:
    for part in node.values:
        if isinstance(part, ast.FormattedValue) and part.format_spec:
            yield from ast.walk(part.format_spec)


def _words(node: ast.AST) -> Iterator[str]:
    """Single words in places that show them: of calls, of choices, and of tables of texts."""
    if isinstance(node, ast.Call) and _WORD_TAKERS & {_callee(node), ast.unparse(node.func)}:
        yield from _plain(node.args)
    elif isinstance(node, ast.FunctionDef) and node.name in _WORD_TAKERS:
        yield from _plain(node.args.defaults)
    elif isinstance(node, ast.FormattedValue):
        for part in ast.walk(node.value):
            if isinstance(part, ast.IfExp):
                yield from _plain((part.body, part.orelse))
            elif isinstance(part, ast.BoolOp):
                yield from _plain(part.values)
    elif isinstance(node, ast.Dict) and node.values:
        held = [part.value for part in node.values if isinstance(part, ast.Constant)]
        if len(held) == len(node.values) and any(_prose(value) for value in held):
            yield from _plain(node.values)
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
        yield from _labels(node)


def _labels(node: ast.Tuple) -> Iterator[str]:
    """The label of a pair `("orderable", money(…))`."""
    label, value = node.elts
    if isinstance(value, ast.Call | ast.JoinedStr | ast.Attribute | ast.BoolOp | ast.IfExp):
        yield from _plain([label])


def _prose(value: object) -> bool:
    return isinstance(value, str) and bool(_PROSE.search(value))


def _plain(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _LETTERS.fullmatch(node.value):
                yield node.value
        elif isinstance(node, ast.IfExp):
            yield from _plain((node.body, node.orelse))


def _is_pattern(text: str) -> bool:
    """Whether an f-string holds words, or compares numbers."""
    literal = re.sub(r"\{[^{}]*\}", "\0", text.replace("{{", "").replace("}}", ""))
    if _TECHNICAL.search(literal):
        return False
    numbers = len(re.findall(r":[+]?,?(?:\.\df)?\}|%[YHMSmd]", text))
    if not numbers and not set(_LETTER_RUNS.findall(literal.lower())) - COMMON_WORDS:
        return False
    return bool(_WORD.search(literal.replace("\0", " ")) and " " in literal.strip("\0")) or (
        numbers > 0 and bool(re.search(r" [<>=+]", literal))
    )


def variants(node: ast.JoinedStr) -> list[str]:
    """The patterns of an f-string: one for each way its conditional parts can turn out."""
    names: dict[str, str] = {}
    choices = [_choices(part, names) for part in node.values]
    made = ["".join(chosen) for chosen in product(*choices)]
    return made[:MAX_VARIANTS]


def _choices(part: ast.expr, names: dict[str, str]) -> list[str]:
    if isinstance(part, ast.Constant):
        return [str(part.value).replace("{", "{{").replace("}", "}}")]
    assert isinstance(part, ast.FormattedValue)
    value = part.value
    if isinstance(value, ast.IfExp) and not part.format_spec:
        branches = (value.body, value.orelse)
        if all(isinstance(one, ast.Constant | ast.JoinedStr) for one in branches):
            return [text for one in branches for text in _branch(one, names)]
    spec = part.format_spec
    shown = ""
    if isinstance(spec, ast.JoinedStr):
        shown = "".join(str(one.value) for one in spec.values if isinstance(one, ast.Constant))
    return [f"{{{_unique(value, names)}{':' + shown if shown else ''}}}"]


def _branch(node: ast.expr, names: dict[str, str]) -> list[str]:
    if isinstance(node, ast.JoinedStr):
        return [
            "".join(chosen) for chosen in product(*(_choices(one, names) for one in node.values))
        ]
    return _choices(node, names)


def _unique(value: ast.expr, names: dict[str, str]) -> str:
    """The name of a value in the pattern; the same value has the same name."""
    source = ast.unparse(value)
    for name, known in names.items():
        if known == source:
            return name
    base = _name(value) or "value"
    name, number = base, 1
    while name in names:
        number += 1
        name = f"{base}{number}"
    names[name] = source
    return name


def _callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)


def _name(node: ast.AST | None) -> str:
    """The name that an expression goes by: its last attribute, or what a call is about."""
    match node:
        case ast.Name(id=name):
            found = name.strip("_").lower()
        case ast.Attribute(attr=name):
            found = name.strip("_")
        case ast.Call(func=called, args=given):
            found = next(filter(None, map(_name, given)), "") or _name(called)
        case ast.BinOp(left=left, right=right):
            found = _name(left) or _name(right)
        case ast.BoolOp(values=[first, *_]) | ast.Subscript(value=first):
            found = _name(first)
        case ast.Starred(value=first) | ast.UnaryOp(operand=first):
            found = _name(first)
        case ast.GeneratorExp(generators=[loop, *_]) | ast.ListComp(generators=[loop, *_]):
            found = _name(loop.iter)
        case _:
            found = ""
    return found
