"""kt speaks the reader's language: everything is translated, fits its values, and is found again by
the pattern that made it; JSON, codes and the journal stay as they are."""

from __future__ import annotations

import ast
import re
import textwrap
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from kt import errors
from kt.cli.docs.extraction import NOT_SHOWN, messages, texts, variants
from kt.cli.support.language import early_language, language_of
from kt.particles import is_pair, with_particle
from kt.translation import (
    MAX_PATTERN,
    Catalogue,
    Pattern,
    catalogue,
    entries,
    fill,
    parts_of,
    speaking,
    tr,
)

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "kt" / "locale" / "ko.po"
KOREAN = entries(FILE.read_text(encoding="utf-8"))
WRITE = "`python -m kt.cli.docs --write`"
VALUE = re.compile(r"\{(\w+)(?::([^}]*))?\}")
HANGUL = re.compile("[가-힣]")


@cache
def found_in_code() -> dict[str, set[str]]:
    """What `messages` finds; only for the tests that ask, as it reads the whole source."""
    return messages(ROOT)


def korean() -> Catalogue:
    found = catalogue("ko")
    assert found is not None
    return found


def test_every_message_has_a_translation() -> None:
    found = found_in_code()
    missing = [f"{min(files)}: {text!r}" for text, files in found.items() if text not in KOREAN]
    assert not missing, "run `python -m kt.cli.docs --write`, then translate:\n" + "\n".join(
        missing
    )
    assert set(KOREAN) == set(found), "run `python -m kt.cli.docs --write`"


def test_the_file_is_a_gettext_catalogue() -> None:
    with FILE.open(encoding="utf-8") as file:
        read = read_po(file, locale="ko")
    assert {item.id: item.string for item in read if item.id} == KOREAN
    assert not [item.id for item in read if item.fuzzy and item.id] and not read.obsolete


def values(text: str) -> set[str]:
    return {found[1] for found in VALUE.finditer(text)}


def test_translations_hold_the_values_of_their_messages() -> None:
    wrong = [text for text, said in KOREAN.items() if values(text) != values(said)]
    specs = [found[2] for said in KOREAN.values() for found in VALUE.finditer(said) if found[2]]
    assert not wrong
    assert len(specs) > 100 and not [spec for spec in specs if not is_pair(spec)]


def test_translations_are_korean() -> None:
    """Or the same as in English: names, and patterns without words."""
    same = {VALUE.sub(r"{\1}", text): said for text, said in KOREAN.items()}
    assert not [said for text, said in same.items() if not HANGUL.search(said) and text != said]


def test_help_texts_keep_their_examples() -> None:
    """What is indented, and every command in the text."""
    for text, said in KOREAN.items():
        if "\n  kt " in text and "\x08" in text:
            examples = re.findall(r"^  (kt (?:[\w|.-]+ ?)+)", text, re.MULTILINE)
            assert not [line for line in examples if line.split("   ")[0].strip() not in said], text


PATTERNS = [text for text in KOREAN if any(name for _, name, _ in parts_of(text))]


def test_every_message_made_from_values_is_found_by_its_pattern() -> None:
    """With values that say nothing by themselves. A heavier pattern may take a message, if it says
    the same."""
    lost = []
    for text in PATTERNS:
        made, given = "", {}
        for number, (literal, name, spec) in enumerate(parts_of(text)):
            made += literal
            if name:
                number_like = bool(spec) and re.fullmatch(r"[+,0-9.<>]*[dfg]?", spec)
                gap = "" if literal or not number else ", "  # no words tell where a value ends
                word = f"{number + 1},234" if number_like else f"{gap}가{number}나"
                word = f"1{number}:00:00" if "%" in spec else word
                given.setdefault(name, word)
                made += given[name]
        expected = fill(KOREAN[text], given)
        shown = korean().shown(made)
        if shown.rstrip(".") != expected.rstrip("."):
            lost.append(f"{text!r}: {shown!r} is not {expected!r}")
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize(
    ("english", "said"),
    [
        (
            "700,000 + fee 105 = 700,105 > cash 10,000",
            "700,000 + 수수료 105 = 700,105 > 예수금 10,000",
        ),
        (
            "realised -1,000 and unrealised +0: loss 1,000 < limit 500,000",
            "실현손익 -1,000, 평가손익 +0: 손실 1,000 < 한도 500,000",
        ),
        ("the fast scan failed: the server failed", "fast 스캔 실패: 서버 오류"),
        (
            "10:00:00 stop-loss: SELL 삼성전자 10 at market: 660 <= stop 665 (average 700)",
            "10:00:00 손절: 매도 삼성전자 10주 시장가: 660 <= 손절가 665 (평균단가 700)",
        ),
        ("cannot be evaluated: the last price is not known", "평가할 수 없음: 현재가를 알 수 없음"),
        (
            "BUY 10 was denied:\n  CASH: not locked\n",
            "매수 10이 거부되었습니다:\n  CASH: 잠기지 않음\n",
        ),
        ("there is no API ka99999", "ka99999라는 API는 없습니다"),
        ("a sentence that nobody translated", "a sentence that nobody translated"),
        ("삼성전자 70,000", "삼성전자 70,000"),
    ],
)
def test_what_people_read(english: str, said: str) -> None:
    with speaking("ko"):
        assert tr(english) == said
    assert tr(english) == english


def test_no_text_takes_long() -> None:
    """However external text repeats what a pattern waits for, and then is not what it makes."""
    begun = time.perf_counter()
    for english in PATTERNS:
        pattern = Pattern(english.rstrip("."), "")
        unit = "".join(
            literal + ("1" if name in pattern.typed else "x y" if name else "")
            for literal, name, _ in parts_of(pattern.english)
        )
        text = f"{unit[:-1]} " * (MAX_PATTERN // len(unit)) + "~"
        pattern.expression.fullmatch(text)
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    ("word", "pair", "said"),
    [
        *(
            ("삼성전자", "을/를", "삼성전자를"),
            ("종목", "을/를", "종목을"),
            ("종목", "이/가", "종목이"),
        ),
        *(("매도", "은/는", "매도는"), ("10", "은/는", "10은"), ("70,002", "은/는", "70,002는")),
        *(
            ("매수", "으로/로", "매수로"),
            ("체결", "으로/로", "체결로"),
            ("주문", "으로/로", "주문으로"),
        ),
        *(
            ("3", "을/를", "3을"),
            ("7", "으로/로", "7로"),
            ("6", "으로/로", "6으로"),
            ("3%", "이/가", "3%가"),
        ),
        *(("`kt run`", "을/를", "`kt run`을"), ("KB금융 (105560)", "과/와", "KB금융 (105560)과")),
        *(("SK", "이/가", "SK가"), ("CJ ENM", "이/가", "CJ ENM이"), ("", "을/를", "를")),
    ],
)
def test_particles(word: str, pair: str, said: str) -> None:
    assert with_particle(word, pair) == said


def test_messages_are_collected_from_plain_code() -> None:
    code = textwrap.dedent('''
        """A docstring is not shown."""
        WORDS = {1: "denied", 2: "not placed"}

        def answer(left, limit, stock):
            pattern = re.compile("no word of it")
            row = sql("SELECT a FROM b WHERE c = ?")
            say(f"{left:,} of {limit} {'orders' if left else 'calls'}")
            raise KtError(f"there is no {stock.code!r}", hint="Look at the list.")
    ''')
    assert set(texts(ast.parse(code))) == {
        *("denied", "not placed", "{left:,} of {limit} orders", "{left:,} of {limit} calls"),
        *("orders", "calls", "there is no {code}", "Look at the list."),
    }


SHOWN_BY = {
    *(
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and name != "WireError"
    ),
    *("Column", "Finding", "announce", "ask", "confirm", "fail", "heading", "notify", "say"),
    *("sentence", "tell", "warn"),
} - {"WireError"}
"""What shows its arguments to a person, or keeps them for one."""
LEVELS = {"info", "warning", "critical"}


def given_to_people(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if name not in SHOWN_BY:
            continue
        for part in (*node.args, *(word.value for word in node.keywords if word.arg == "hint")):
            if isinstance(part, ast.JoinedStr):
                yield from variants(part)
            elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def test_all_that_is_given_to_people_is_collected() -> None:
    """But texts without words of their own, which `tr` takes apart."""
    missed = [
        f"{path.relative_to(ROOT)}: {text!r}"
        for path in sorted((ROOT / "kt").rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(NOT_SHOWN)
        for text in given_to_people(ast.parse(path.read_text(encoding="utf-8")))
        if text.strip() not in {*found_in_code(), *LEVELS}
        and re.search(r"(?<![\w.])[a-z]{3,}(?![\w.])", VALUE.sub("", text).removeprefix("kt: "))
    ]
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize(
    ("arguments", "environ", "written", "language"),
    [
        (["--lang", "en"], {"KT_LANG": "ko", "LANG": "ko_KR.UTF-8"}, "language: ko\n", "en"),
        (["status", "--lang=ko"], {"KT_LANG": "en"}, "", "ko"),
        (["--lang", "ko"], {}, "", "ko"),
        ([], {"KT_LANG": "ko"}, "language: en\n", "ko"),
        ([], {"LANG": "ko_KR.UTF-8"}, "language: en\n", "en"),
        ([], {}, "profile: sim\nlanguage: 'ko'\n", "ko"),
        ([], {"LC_ALL": "ko_KR.UTF-8", "LANG": "C"}, "profile: sim\n", "ko"),
        ([], {"LC_ALL": "C", "LANG": "ko_KR.UTF-8"}, "", "en"),
        (["--lang", "auto"], {"LANG": "ko_KR.UTF-8"}, "language: en\n", "ko"),
        (["--lang", "fr"], {"LANG": "C"}, "", "en"),
    ],
)
def test_who_chooses_the_language(
    arguments: list[str], environ: dict[str, str], written: str, language: str, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(written, encoding="utf-8")
    given = {**environ, "KT_CONFIG": str(tmp_path / "config.yaml")}
    assert early_language(arguments, given) == language


def test_the_loaded_configuration_chooses_the_same_way() -> None:
    korea = {"LANG": "ko_KR.UTF-8"}
    assert language_of("auto", "", korea) == "ko"
    assert language_of("auto", "", {}) == "en"
    assert language_of("en", "", korea) == "en"
    assert language_of("en", "ko", {}) == "ko"
    assert language_of("en", "auto", korea) == "ko"


def test_english_reads_no_catalogue() -> None:
    with speaking("en"):
        before = catalogue.cache_info().misses
        assert tr("no valid token") == "no valid token"
        assert catalogue("en") is None
        assert catalogue.cache_info().misses - before <= 1
