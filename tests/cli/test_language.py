"""The commands in Korean, through the front door: what people read changes, data does not."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from kt.cli.show.log import line
from kt.cli.show.width import width_of
from kt.cli.support.console import Console
from kt.cli.topics import TOPICS, topic_text
from kt.errors import ExitCode
from kt.translation import language, speaking
from tests.cli.front import Front
from tests.cli.test_help import PATHS

TOPIC_FILES = Path(__file__).resolve().parents[2] / "kt" / "cli" / "topics"
ENGLISH = re.compile(r"(?<![`\w-])(?:the|is|are|of|with|and|that|when)(?![`\w-])")
"""Words that every English sentence has."""


def prose(text: str) -> str:
    """Without examples: indented lines and what stands between backticks."""
    return re.sub(r"`[^`]*`", "", re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_is_korean_and_fits(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str], front: Front
) -> None:
    assert front("--lang", "ko", *path, "--help").code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"사용법: {' '.join(('kt', *path))} [OPTIONS]")
    assert max(width_of(line) for line in text.splitlines()) <= 80
    assert "공통 옵션:" in text and "\ue000" not in text
    assert not ENGLISH.findall(prose(text))


@pytest.mark.parametrize("name", TOPICS)
def test_topics_are_the_same_in_both_languages(name: str) -> None:
    english = (TOPIC_FILES / f"{name}.md").read_text(encoding="utf-8")
    korean = (TOPIC_FILES / "ko" / f"{name}.md").read_text(encoding="utf-8")
    for pattern in (
        r"\{\{[\w-]+\}\}",  # generated parts
        r"^ {4}((?:kt|sqlite3|[a-z]+:|rules:|- \{|005930|code,) ?[^\s#]*)",  # examples
        r"`kt\s[^`]+`",  # commands in the text
        r"--[a-z][a-z-]+",  # options
        r"\b(?:ka|kt)\d{5}\b|\b[A-Z]+_[A-Z_]+\b",  # codes
    ):
        found = [
            {" ".join(one.split()) for one in re.findall(pattern, text, re.M | re.A)}
            for text in (english, korean)
        ]
        assert found[0] == found[1], pattern
    levels = [re.findall(r"^#+(?= )", text, re.MULTILINE) for text in (english, korean)]
    assert levels[0] == levels[1]


@pytest.mark.parametrize("name", TOPICS)
def test_topics_are_shown_in_korean_and_fit(name: str) -> None:
    with speaking("ko"):
        text = topic_text(name)
    assert max(width_of(line) for line in text.splitlines()) <= 80
    assert "{{" not in text and not ENGLISH.findall(prose(text))


def test_a_row_written_in_english_reads_korean(front: Front) -> None:
    """The journal holds English alone; the log and the list translate what they show."""
    denied = front("order", "buy", "005930", "10", "--price", "70050", "--lang", "ko")
    assert denied.code == ExitCode.DENIED
    assert "호가단위 100에 맞지 않음" in denied.err
    assert denied.items[0]["message"].startswith("70,050 is not on the tick of 100")
    assert front.world.journal.orders()[0].message == denied.items[0]["message"]
    assert "70,050 is not on the tick" in front("order", "list", terminal=True).out
    listed = front("order", "list", "--lang", "ko", terminal=True).out
    assert "70,050은 호가단위 100에 맞지 않음: 70,000 또는 70,100" in listed


def test_the_log_translates_what_a_row_says() -> None:
    said = "70,050 is not on the tick of 100: 70,000 or 70,100"
    row = {"kind": "order", "at": "2026-11-23T10:00:00", "what": "DENIED", "message": said}
    with speaking("ko"):
        shown = line(row, Console(stdout=io.StringIO()))
    assert shown == (
        "10:00:00  order     안전 거부 70,050은 호가단위 100에 맞지 않음: 70,000 또는 70,100"
    )


def test_states_are_shown_and_taken_in_korean(front: Front) -> None:
    front("order", "buy", "005930", "1", "--price", "70050", "--yes")
    wanted = ("order", "list", "--lang", "ko", "--state")
    for state in ("안전 거부", "DENIED", "denied"):
        listed = front(*wanted, state, terminal=True)
        assert "안전 거부" in listed.out and "DENIED" not in listed.out, state
    assert "70050" in front(*wanted, "안전 거부", "-o", "json").out
    by_hand = front("order", "list", "--lang", "ko", "--origin", "수동", "-o", "csv")
    assert "manual" in by_hand.out and by_hand.code == ExitCode.DONE
    refused = front(*wanted, "체결중")
    assert refused.code == ExitCode.USAGE and "체결," in refused.err


@pytest.mark.parametrize("command", [("status",), ("balance",), ("order", "list"), ("pnl",)])
def test_documents_are_the_same_in_every_language(front: Front, command: tuple[str, ...]) -> None:
    def plain(text: str) -> str:
        return re.sub(r'"run":"\w+"', "", text)

    assert plain(front(*command, "--lang", "ko").out) == plain(front(*command).out)


def test_errors_of_usage_are_korean_too(front: Front) -> None:
    assert front("ordr", "--lang", "ko").err == (
        "kt: kt ordr 명령은 없습니다. 혹시 kt order인가요? `kt --help`를 보세요.\n"
    )
    said = front("--lang", "ko", "order", "buy", "00593", "1").err
    assert "'00593'은 종목코드가 아닙니다" in said and "`kt order buy --help`를 보세요." in said
    assert "--foo'라는 옵션은 없습니다" in front("status", "--foo", "--lang", "ko").err
    assert "'QUANTITY'가 빠졌습니다" in front("order", "buy", "005930", "--lang", "ko").err


@pytest.mark.parametrize("answer", ["y", "YES", "예", "네"])
def test_a_question_takes_a_korean_yes(answer: str) -> None:
    asked = io.StringIO()
    console = Console(stdin=io.StringIO(f"{answer}\n"), stderr=asked)
    with speaking("ko"):
        assert console.ask("Sell everything?")
    assert asked.getvalue() == "모두 매도할까요? [y/N] "


def test_init_writes_korean_comments(front: Front, tmp_path: Path) -> None:
    from kt.config.load import load_config
    from kt.config.model import Config

    target = tmp_path / "korean.yaml"
    assert front("init", str(target), "--no-test", "--lang", "ko").code == 0
    text = target.read_text(encoding="utf-8")
    assert text.startswith("# kt의 설정: 모든 키와 기본값.") and not ENGLISH.findall(text)
    assert load_config(target, {}) == Config()


def test_a_command_line_leaves_no_language_behind(front: Front) -> None:
    front("status", "--lang", "ko")
    assert language() == "en"
