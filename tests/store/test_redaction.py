"""Secrets and account numbers do not get into the journal; amounts stay what they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kt.store.redaction import mask, mask_secrets
from kt.text import mask_account
from tests.store.make import T0, answer, open_journal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("account 8123456711 is locked", "account ******6711 is locked"),
        ("계좌 81234567-11 오류", "계좌 ******6711 오류"),
        ("account 8123-4567-11", "account ******6711"),
        ("1234567890123 is no account", "1234567890123 is no account"),
        ("use `kt order resolve 01M8350143233ECF4PJC4A9G25`.",) * 2,
        ("order 01M8350143233ECF4PJC4A9G25:ACKED, 01AB8123456711ABCDEFGHJKMN",) * 2,
        (
            "X8123456711 of 01M8350143233ECF4PJC4A9G25 AB",
            "X******6711 of 01M8350143233ECF4PJC4A9G25 AB",
        ),
        ("1,200,000 > limit 1,000,000", "1,200,000 > limit 1,000,000"),
        ("1,234,567,890 won", "1,234,567,890 won"),
        ("value 0.1234567890", "value 0.1234567890"),
        ("ord_no 0000123 price 70000", "ord_no 0000123 price 70000"),
        ("Authorization: Bearer WQJCwyqInphKnR3bSRtB9NE1lv", "Authorization: Bearer …"),
        ("sent bearer WQJCwyqInphKnR3 to them", "sent bearer … to them"),
        ('{"token":"abcdefghij","token_type":"bearer"}', '{"token":"…","token_type":"bearer"}'),
        (
            '{"appkey": "AxserEsdcredca", "secretkey": "SEefdcwcforehDre2fdvc"}',
            '{"appkey": "…", "secretkey": "…"}',
        ),
        ("x-goog-api-key: AIzaSyA1234567890abcdefghijklmnopqrstu", "x-goog-api-key: …"),
        ("key AIzaSyA1234567890abcdefghijklmnopqrstu refused", "key … refused"),
        ("the token has expired", "the token has expired"),
        ("8005: token is not valid", "8005: token is not valid"),
    ],
)
def test_secrets_and_account_numbers_are_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    assert mask("xx-my secret key-xx", ["my secret key", ""]) == "xx-…-xx"


def test_data_keeps_its_numbers() -> None:
    assert mask_secrets('{"value": 1234567890}') == '{"value": 1234567890}'


def test_an_account_shows_its_last_four_digits() -> None:
    assert mask_account("8123456711") == "******6711"
    assert mask_account("8123-4567-11") == "******6711"
    assert mask_account("711") == "711"


def test_nothing_secret_is_in_the_file(tmp_path: Path) -> None:
    secrets = ("APPKEY-0123456789abcdef", "SECRET-0123456789abcdef")
    said = f"token: eyJhbGciOi-token for 8123456711 with {secrets[0]} and {secrets[1]}"
    with open_journal(tmp_path, secrets=secrets) as journal:
        journal.start_run("R1", f"kt api {said}", "0.1")
        journal.api_call("R1", "au10001", T0, 1, 200, "0", said)
        journal.error("R1", "auth", "token", said, T0)
        journal.notice("R1", "critical", said, said, T0)
        journal.step("R1", "scan", T0, 0.1, "failed", said)
        journal.answer("R1", answer(error=said, raw=secrets[0], prompt=secrets[1]))
        journal.finish_run("R1", said, 1)
    with closing(sqlite3.connect(tmp_path / "kt.db")) as connection:
        everything = "\n".join(connection.iterdump())
    for secret in (*secrets, "eyJhbGciOi-token", "8123456711"):
        assert secret not in everything
    assert "******6711" in everything
