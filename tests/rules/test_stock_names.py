"""Which stock a typed text means: whole names win, parts are never guessed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.rules.stock_names import StockMatch, code_of, find, initial, key, korean
from kt.sim.market.listing import listings

NAMES = {listing.code: listing.name for listing in listings()}
NAME = st.sampled_from(sorted(NAMES.values()))


def codes(text: str, names: dict[str, str] = NAMES) -> list[str]:
    return [match.code for match in find(text, names)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("삼성전자", "005930"),
        ("삼성전자우", "005935"),
        ("ㅅㅅㅈㅈ", "005930"),
        ("samsung electronics", "005930"),
        ("Samsung Electronics pref", "005935"),
        ("SK hynix", "000660"),
        ("에스케이하이닉스", "000660"),
        ("하이닉스", "000660"),
        ("hyundai motor", "005380"),
        ("LG Energy Solution", "373220"),
        ("naver", "035420"),
        ("네이버", "035420"),
        ("케이티앤지", "033780"),
        ("카카오ㅂㅋ", "323410"),
        ("jyp", "035900"),
        ("두산", "000150"),
        ("SK", "034730"),
        ("0156T0", ""),
    ],
)
def test_names_initials_english_and_parts(text: str, code: str) -> None:
    assert codes(text) == ([code] if code else [])


@pytest.mark.parametrize("text", ["삼성", "Hyundai", "전자", "ㅅㅅ"])
def test_a_part_of_several_names_is_all_of_them(text: str) -> None:
    assert len(codes(text)) > 1


def test_the_shortest_names_come_first() -> None:
    assert codes("삼성ㅈㅈ") == ["005930"]
    assert [match.name for match in find("카카오페", NAMES)] == ["카카오페이"]
    lengths = [len(match.name) for match in find("삼성", NAMES)]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("text", ["", "  ", ".", "삼숭전자", "\u200b", "없는 회사"])
def test_nothing_fits_nothing(text: str) -> None:
    assert find(text, NAMES) == ()


@given(NAME, st.sampled_from(["NFC", "NFD"]), st.booleans())
def test_a_whole_name_is_its_stock_in_every_form(name: str, form: str, wide: bool) -> None:
    typed = unicodedata.normalize(form, f" {name.upper()}　")
    if wide:
        typed = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in typed)
    (match,) = find(typed, NAMES)
    assert match.name == name


@given(NAME, st.data())
def test_a_part_and_its_initials_always_find_the_name(name: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(key(name)) - 1))
    part = key(name)[start : data.draw(st.integers(start + 1, len(key(name))))]
    exact = [found for found in NAMES.values() if key(found) == part]
    found = [match.name for match in find(part, NAMES)]
    assert name in found or exact == found or all(korean(other) == korean(part) for other in found)
    whole = "".join(map(initial, key(name)))
    same = {other for other in NAMES.values() if "".join(map(initial, key(other))) == whole}
    assert {match.name for match in find(whole, NAMES)} & same


@given(st.text(max_size=50))
def test_any_text_finds_only_what_is_listed(text: str) -> None:
    assert all(NAMES[match.code] == match.name for match in find(text, NAMES))


def test_two_stocks_of_one_name_are_a_question() -> None:
    names = {"000001": "같은이름", "000002": "같은 이름", "000003": "같은이름우"}
    assert codes("같은이름", names) == ["000001", "000002"] or codes("같은이름", names) == [
        "000002",
        "000001",
    ]


def test_a_code_that_begins_with_a_letter_is_looked_up() -> None:
    assert find("q50001", {"Q50001": "레버리지"}) == (StockMatch("Q50001", "레버리지"),)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("005930", "005930"),
        ("A005930", "005930"),
        ("a005930", "005930"),
        (" ００５９３０　", "005930"),
        ("0156t0", "0156T0"),
        ("5930", ""),
        ("0059301", ""),
        ("ſ05930", ""),
        ("٠٠٥٩٣٠", ""),
        ("DOOSAN", ""),
        ("", ""),
    ],
)
def test_what_is_a_code_in_itself(text: str, code: str) -> None:
    assert code_of(text) == code
