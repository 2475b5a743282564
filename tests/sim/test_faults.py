"""Fault rules: what they match, how often, and what is wrong with a file that cannot be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kt.cli.topics import topic_text
from kt.errors import ConfigError
from kt.sim.faults import (
    API_ACTIONS,
    FRAME_ACTIONS,
    HANDSHAKE_ACTIONS,
    Faults,
    parse_faults,
    read_faults,
)


def faults(*rules: dict[str, Any]) -> Faults:
    return Faults(parse_faults({"rules": list(rules)}, "test"))


def acts(found: Faults, api_id: str, times: int) -> list[bool]:
    return [bool(found.call(api_id)) for _ in range(times)]


def test_nth_and_count() -> None:
    found = faults({"api": "kt10000", "action": "cut", "nth": 2, "count": 2})
    assert acts(found, "kt10000", 5) == [False, True, True, False, False]
    assert acts(faults({"api": "kt10000", "action": "cut"}), "kt10000", 3) == [True, False, False]
    endless = faults({"api": "kt10000", "action": "cut", "nth": 3, "count": 0})
    assert acts(endless, "kt10000", 5) == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("api", "matching"),
    [
        ("kt10000", {"kt10000"}),
        (["kt10000", "ka10075"], {"kt10000", "ka10075"}),
        ("orders", {"kt10000", "kt10001", "kt10002", "kt10003"}),
        ("lists", {"ka10075", "ka10076", "kt00007"}),
        ("token", {"au10001"}),
        ("*", {"kt10000", "kt10001", "kt10002", "kt10003", "ka10075", "ka10076", "kt00007",
               "au10001", "ka10001"}),
    ],
)  # fmt: skip
def test_apis_and_groups(api: str | list[str], matching: set[str]) -> None:
    found = faults({"api": api, "action": "cut", "count": 0})
    ids = ["kt10000", "kt10001", "kt10002", "kt10003", "ka10075", "ka10076", "kt00007",
           "au10001", "ka10001"]  # fmt: skip
    assert {api_id for api_id in ids if found.call(api_id)} == matching


def test_sides() -> None:
    found = faults({"api": "orders", "side": "sell", "action": "cut", "count": 0})
    assert [bool(found.call(api_id)) for api_id in ("kt10000", "kt10001", "kt10003")] == [
        False, True, False,
    ]  # fmt: skip
    found = faults({"stream": "00", "side": "buy", "action": "drop", "count": 0})
    assert [bool(found.frame("00", side)) for side in ("buy", "sell")] == [True, False]


def test_probability_is_the_same_for_the_same_seed() -> None:
    def draw(seed: int) -> list[bool]:
        rule = {"api": "*", "action": "rate", "probability": 0.3, "seed": seed, "count": 0}
        return acts(faults(rule), "ka10001", 200)

    assert draw(1) == draw(1) != draw(2)
    assert 30 < sum(draw(1)) < 90


def test_calls_and_frames_do_not_mix_and_everything_is_counted() -> None:
    found = faults(
        {"api": "*", "action": "delay", "seconds": 1, "count": 0},
        {"api": "ka10001", "action": "rate", "nth": 2},
        {"stream": "*", "action": "drop"},
    )
    assert [rule.action for rule in found.call("ka10001")] == ["delay"]
    assert [rule.action for rule in found.call("ka10001")] == ["delay", "rate"]
    assert [rule.action for rule in found.frame("0B")] == ["drop"]
    assert found.frame("0B") == ()
    assert [(rule["matched"], rule["acted"]) for rule in found.report()] == [
        (2, 2), (2, 1), (2, 1),
    ]  # fmt: skip
    found.replace([])
    assert found.call("ka10001") == ()


@pytest.mark.parametrize("name", ["faults.yaml", "faults.json"])
def test_files_keep_codes_as_they_are_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    yaml = "rules:\n  - {stream: 00, action: drop, nth: 2}\n  - {api: [kt10000], action: cut}\n"
    json = (
        '{"rules": [{"stream": "00", "action": "drop", "nth": 2},'
        ' {"api": ["kt10000"], "action": "cut"}]}'
    )
    path.write_text(yaml if name.endswith("yaml") else json, encoding="utf-8")
    rules = read_faults(path)
    assert (rules[0].stream, rules[0].nth) == ("00", 2)
    assert rules[1].api == ["kt10000"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"rules": [{"api": "*", "action": "cut", "secnds": 1}]}, "did you mean `seconds`?"),
        ({"rules": [{"api": "*", "action": "explode"}]}, "unknown action `explode`"),
        ({"rules": [{"stream": "0B", "action": "hang"}]}, "unknown action `hang`"),
        ({"rules": [{"action": "cut"}]}, "give either `api` or `stream`"),
        ({"rules": [{"api": "*", "stream": "00", "action": "cut"}]}, "give either"),
        ({"rules": [{"api": "*"}]}, "action"),
        ({"rules": [{"api": "*", "action": "cut", "nth": 0}]}, "nth"),
        ({"rules": [{"api": "*", "action": "cut", "probability": 2}]}, "probability"),
        ({"rules": [{"api": "*", "action": "redirect"}]}, "needs its `location`"),
        ({"rules": [{"stream": "00", "action": "drop", "stock": "005930"}]}, "`stock` narrows"),
        ({"rules": [{"stream": "handshake", "action": "drop"}]}, "unknown action `drop`"),
        ({"rules": [{"api": "*", "action": "null", "when": "before"}]}, "cannot come before"),
        ({"rules": ["cut"]}, "rule 1"),
        ({"rules": "cut"}, "not a list"),
        ({"rule": []}, "`rules`"),
        ([], "`rules`"),
    ],
)
def test_what_is_wrong_is_named(data: object, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_faults(data, "faults.yaml")
    assert words in caught.value.message
    assert caught.value.message.startswith("faults.yaml")


def test_a_file_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    for content in (None, "{", "\tx"):
        path = tmp_path / "faults.yaml"
        if content is not None:
            path.write_text(content)
        with pytest.raises(ConfigError, match=r"cannot be read|is not YAML"):
            read_faults(path)


def test_every_action_is_explained() -> None:
    told = topic_text("simulator")
    for table in (API_ACTIONS, FRAME_ACTIONS, HANDSHAKE_ACTIONS):
        for action, meaning in table.items():
            assert re.search(rf"^    {action}  +{re.escape(meaning[:30])}", told, re.MULTILINE)
