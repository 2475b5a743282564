"""Every kind of reply and error over each adapter: an answer with objects, or with one error.

Nothing is raised, nothing is guessed, the server is asked no more often than it should be.
"""

from __future__ import annotations

import gzip
import json
from functools import partial
from urllib.parse import quote

import pytest

from kt.analyst.gemini import imported
from kt.analyst.reading import MAX_CHARACTERS
from kt.records import AnalystReply
from tests.analyst.make import ADAPTERS, KEY, brief, falling, gemini, model, rising
from tests.analyst.provider import (
    DECISION,
    OTHER,
    Asked,
    Said,
    fails,
    gemini_body,
    objects,
    providing,
    says,
)
from tests.broker.hostile import Deed, answer, dripping, endless, head, raw, reset, silence

BOTH = objects(DECISION, OTHER)
GOOD: dict[str, tuple[Deed, int]] = {
    "a list": (says(BOTH), 2),
    "in two parts": (says(BOTH[:40], BOTH[40:]), 2),
    "an empty list": (says("[]"), 0),
    "one object": (says(json.dumps(DECISION)), 1),
    "a list in an object": (says(json.dumps({"decisions": [DECISION, OTHER]})), 2),
    "a fence": (says(f"```json\n{BOTH}\n```"), 2),
    "a fence in prose": (says(f"Here is my view:\n```\n{BOTH}\n```\nGood luck!"), 2),
    "a tilde fence": (says(f"~~~json\n{BOTH}\n~~~"), 2),
    "a fence that never ends": (says(f"```json\n{BOTH}"), 2),
    "prose around": (says(f"I think that {BOTH} is best."), 2),
    "a think block": (says(f"<think>BUY? [1] {{}} no…</think>\n{BOTH}"), 2),
    "a think block without a beginning": (says(f"hm [1]</think>{BOTH}"), 2),
    "a thinking block in capitals": (says(f"<THINKING>{BOTH}</THINKING>{BOTH}"), 2),
    "thought parts": (says({"text": "[1, 2", "thought": True}, BOTH), 2),
    "parts of other kinds": (says({"executableCode": {"code": "x"}}, BOTH, {"new": 1}), 2),
    "a byte order mark": (says("\ufeff" + BOTH), 2),
    "one NaN": (says(BOTH.replace("0.85", "NaN", 1)), 2),
    "one infinity": (says(BOTH.replace("0.85", "-Infinity", 1)), 2),
    "one broken object": (says(BOTH.replace('"BUY"', "BUY", 1)), 1),
    "a name twice": (says(BOTH.replace("{", '{"action": "SELL", ', 1)), 1),
    "a comma too many": (says(BOTH.replace("}]", "},]")), 2),
    "cut off": (says(BOTH[:-30]), 1),
    "cut off at the most tokens": (
        says(candidates=[{"content": {"parts": [{"text": BOTH[:-30]}]},
                          "finishReason": "MAX_TOKENS"}]), 1),
    "objects and nonsense": (says(objects(DECISION, 5, None, "BUY", [OTHER])), 1),
    "lone surrogates": (says(json.dumps([DECISION | {"reason": "\ud800 up"}])), 1),
    "a number without end": (says(BOTH.replace("71000", "9" * 5_000, 1)), 1),
    "packed": (Said(gemini_body(BOTH), packed=True), 2),
    "names newer than the library": (says(BOTH, groundingThing={"a": 1}, candidates=[
        {"content": {"parts": [{"text": BOTH}]}, "finishReason": "STOP", "safetyRatings":
         [{"category": "HARM_CATEGORY_OF_TOMORROW", "probability": "SOMEWHAT"}]}]), 2),
    "counts that are none": (says(BOTH, usageMetadata={"promptTokenCount": "many",
                                                       "totalTokenCount": -5}), 2),
    "usage that is a list": (says(BOTH, usageMetadata=[1]), 2),
    "a finish of tomorrow": (says(BOTH, modelVersion={"name": 5}), 2),
}  # fmt: skip


@pytest.fixture(autouse=True, params=ADAPTERS)
def adapter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test of this file runs over every adapter."""
    monkeypatch.setattr(f"{__name__}.gemini", partial(model, request.param))
    if request.param == "google-generativeai":
        imported()
    elif request.param == "google-genai":
        pytest.importorskip("google.genai", reason="the extra kt[genai] is not installed")
    return str(request.param)


def ask(deed: Deed, timeout: float = 5.0) -> tuple[AnalystReply, list[Asked]]:
    with providing(deed) as fake:
        found = gemini(fake.url, timeout=timeout).decide(brief(rising(), falling()))
    return found, fake.asked


@pytest.mark.parametrize("name", GOOD)
def test_a_usable_reply_gives_its_objects(name: str) -> None:
    deed, count = GOOD[name]
    found, asked = ask(deed)
    assert found.error == ""
    assert len(found.objects) == count
    assert all(one["stock_code"] in ("005930", "000660") for one in found.objects)
    assert (found.attempts, len(asked)) == (1, 1)


DEEP = "[" * 5_000
BAD: dict[str, tuple[Deed, str]] = {
    "nothing": (says(), "reply: the reply holds no text"),
    "blanks": (says(" \n"), "reply: the reply holds no text"),
    "thoughts alone": (says({"text": BOTH, "thought": True}), "reply: the reply holds no text"),
    "prose": (says("I would buy Samsung."), "reply: not JSON: "),
    "two answers": (says(f"```\n{objects(DECISION)}\n```\nor\n```\n[]\n```"), "reply: two answers"),
    "numbers": (says("[1, 2]"), "reply: a list of something else"),
    "a number": (says("5"), "reply: no objects but a int"),
    "deep": (says(DEEP), "reply: nested deeper"),
    "rather deep": (says('{"a":' * 40 + "1" + "}" * 40), "reply: nested deeper than 32"),
    "too long": (says("x" * (MAX_CHARACTERS + 1)), "reply: 1,000,001 characters"),
    "no candidate": (says(candidates=[]), "reply: the reply holds no candidate"),
    "candidates that are a number": (answer(b'{"candidates": 5}'), "reply: "),
    "a prompt that was refused": (says(candidates=[], promptFeedback={"blockReason": "SAFETY"}),
                                  "blocked: the prompt was refused (SAFETY)"),
    "a reply that was stopped": (says(candidates=[{"finishReason": "RECITATION"}]),
                                 "blocked: the reply was stopped (RECITATION)"),
    "stopped for a reason of tomorrow": (says(candidates=[{"finishReason": "BOREDOM"}]),
                                         "blocked: the reply was stopped (BOREDOM)"),
    "HTML": (answer(b"<html>Sign in to the hotel's network</html>"), "reply: "),
    "no body": (answer(b""), "reply: "),
    "null": (answer(b"null"), "reply: the reply holds no candidate"),
    "a list of errors": (answer(b'[{"error": {"code": 500}}]'), "reply: "),
    "bytes that are not UTF-8": (answer(b"\xff\xfe{}"), "reply: "),
    "a deep envelope": (answer(b'{"candidates":' * 99_999), "reply: "),
    "a body cut off": (answer(b'{"candidates": [', length="500"), "un"),
    "packed nonsense": (answer(b"no gzip", "200 OK", "Content-Encoding: gzip"), "re"),
    "a bomb": (answer(gzip.compress(b" " * (32 << 20), 9), "200 OK", "Content-Encoding: gzip"),
               "request: the reply is longer than 4 MiB"),
    "an endless body": (endless(head("200 OK", "Content-Length: 9999999999"), b" " * 99_999),
                        "request: the reply is longer than 4 MiB"),
    "a redirect": (answer(b"", "302 x", "Location: https://evil.test/"), "request: Exceeded"),
    "not HTTP": (raw(b"220 smtp\r\n\r\n"), "un"),
    "400": (fails(400, "bad schema"), "request: 400 bad schema"),
    "400 for the key": (fails(400, "API key not valid."), "auth: 400 API key not valid."),
    "401": (fails(401, "who are you"), "auth: "),
    "403": (fails(403, "Your API key was reported as leaked."), "auth: 403 Your API key was"),
    "404": (fails(404, "model not found"), "model: 404 model not found"),
    "413": (fails(413, "too much"), "request: 413 too much"),
    "418": (fails(418, "teapot"), "request: 418 teapot"),
}  # fmt: skip
PASSING = {"not HTTP", "a body cut off"}
"""Network errors, which are retried: see RETRIED."""


@pytest.mark.parametrize("name", [name for name in BAD if name not in PASSING])
def test_an_unusable_reply_is_an_error_and_is_not_retried(name: str) -> None:
    deed, error = BAD[name]
    found, asked = ask(deed)
    assert found.error.startswith(error), found.error
    assert found.objects == ()
    assert len(asked) == 1
    assert KEY not in repr(found)


RETRIED: dict[str, tuple[Deed, str]] = {
    "429": (fails(429, "quota"), "quota: 429 quota"),
    "500": (fails(500, "internal"), "unavailable: 500 internal"),
    "502": (answer(b"<html>bad gateway</html>", "502 x"), "unavailable: 502"),
    "503": (fails(503, "overloaded"), "unavailable: 503 overloaded"),
    "529": (fails(529, "busy"), "unavailable: 529 busy"),
    "a reset": (reset, "unreachable: "),
    "not HTTP": BAD["not HTTP"],
    "a body cut off": BAD["a body cut off"],
}


@pytest.mark.parametrize("name", RETRIED)
def test_a_transient_failure_is_retried_up_to_the_limit(name: str) -> None:
    deed, error = RETRIED[name]
    pauses: list[float] = []
    with providing(deed) as fake:
        found = gemini(fake.url, timeout=30, wait=pauses.append).decide(brief(rising()))
    assert found.error.startswith(error), found.error
    assert (found.attempts, len(fake.asked)) == (4, 4)
    assert len(pauses) == 3
    assert pauses == sorted(pauses) and pauses[0] >= 0.5


def test_a_retry_that_succeeds_gives_the_answer() -> None:
    with providing(fails(503), reset, says(BOTH)) as fake:
        found = gemini(fake.url, timeout=30).decide(brief(rising(), falling()))
    assert (found.error, len(found.objects), found.attempts) == ("", 2, 3)


@pytest.mark.parametrize(
    ("deed", "seconds"),
    [
        (fails(429, "quota", "Retry-After: 7"), 7.0),
        (fails(429, "q", details=[{"@type": "RetryInfo", "retryDelay": "13s"}]), 13.0),
        (fails(503, "busy", "Retry-After: 2.5"), 2.5),
    ],
)
def test_the_retry_waits_as_long_as_the_server_asks(deed: Deed, seconds: float) -> None:
    pauses: list[float] = []
    with providing(deed, says(BOTH)) as fake:
        found = gemini(fake.url, timeout=60, wait=pauses.append).decide(brief(rising()))
    assert (found.error, pauses) == ("", [seconds])


def test_a_retry_delay_beyond_the_deadline_ends_the_retries() -> None:
    with providing(fails(429, "quota", "Retry-After: 3600")) as fake:
        found = gemini(fake.url, timeout=30).decide(brief(rising()))
    assert found.error == "quota: 429 quota"
    assert len(fake.asked) == 1


DRIPS: dict[str, Deed] = {
    "silence": silence,
    "a dripping head": dripping(head("200 OK", "X: " + "x" * 99)),
    "a dripping body": lambda line: (
        line.sendall(head("200 OK", "Content-Length: 500")),
        dripping(b" " * 500)(line),
    )[1],
}


REFUSED_KEY = {
    "google-generativeai": "auth: the API key was refused",  # its library drops the server's words
    "google-genai": "auth: 401 who are you",
    "openai": "auth: 401 who are you",
}


def test_a_401_tells_what_each_library_lets_through(adapter: str) -> None:
    found, _ = ask(fails(401, "who are you"))
    assert found.error == REFUSED_KEY[adapter]


@pytest.mark.parametrize("name", DRIPS)
def test_the_deadline_covers_the_whole_call(name: str) -> None:
    import time

    ask(says(BOTH))  # the library is imported outside of the deadline
    began = time.monotonic()
    found, asked = ask(DRIPS[name], timeout=1.0)
    assert found.error == "timeout: no answer within 1 s"
    assert time.monotonic() - began < 3
    assert len(asked) == 1


@pytest.mark.parametrize("key", ["abc\ndef", "abc\r\nX-Evil: 1", "키", "a\x00b", "a\tb"])
def test_a_malformed_key_is_never_sent_or_shown(key: str) -> None:
    with providing(says(BOTH)) as fake:
        found = gemini(fake.url, key=key).decide(brief(rising()))
    assert found.error.startswith("auth: the key holds")
    assert fake.asked == []
    assert key not in found.error and "def" not in found.error


@pytest.mark.parametrize(
    "model",
    ["tunedModels/x-1", "a b", "../../v1/models/x", "x?key=1", "m\nn", "모델", "", "x" * 500],
)
def test_a_reply_with_an_odd_model_name_is_an_answer(model: str) -> None:
    with providing(fails(404, "no such model")) as fake:
        found = gemini(fake.url, model=model).decide(brief(rising()))
    assert found.error
    assert found.objects == ()
    for asked in fake.asked:
        assert asked.path.startswith(("/v1beta/", "/v1/chat/completions"))


@pytest.mark.parametrize(
    "ending", ["", "/", "/gateway", "/gateway/", "/a/b-c/v2", "/모델", "/a%20b"]
)
def test_an_odd_endpoint_is_asked_below_its_own_path(ending: str) -> None:
    with providing(says(BOTH)) as fake:
        found = gemini(fake.url + ending).decide(brief(rising(), falling()))
    below = quote(ending.rstrip("/"), safe="/%")
    for asked in fake.asked:
        assert asked.path.startswith(below + "/v1"), asked.path
    if ending.isascii():
        assert (found.error, len(found.objects), len(fake.asked)) == ("", 2, 1)


@pytest.mark.parametrize("scheme", ["https", "ftp", ""])
def test_an_endpoint_that_does_not_speak_this_is_an_error(scheme: str) -> None:
    with providing(says(BOTH)) as fake:
        address = fake.url.replace("http", scheme) if scheme else fake.url.removeprefix("http://")
        found = gemini(address, timeout=3).decide(brief(rising()))
    assert found.error
    assert found.objects == ()
    assert KEY not in repr(found)


def test_at_least_forty_kinds_of_reply_and_error_are_tried() -> None:
    assert len(GOOD) + len(BAD | RETRIED) + len(DRIPS) >= 40


def test_a_closed_port_is_unreachable() -> None:
    pauses: list[float] = []
    with providing(says("[]")) as fake:
        gone = fake.url
    found = gemini(gone, timeout=30, wait=pauses.append).decide(brief(rising()))
    assert found.error.startswith("unreachable: ")
    assert len(pauses) == 3


@pytest.mark.parametrize("said", [f"leaked {KEY}", objects(DECISION | {"reason": f"key {KEY}"})])
def test_a_key_in_a_reply_is_redacted(said: str) -> None:
    found, _ = ask(says(said))
    assert KEY not in repr(found)


def test_the_name_of_the_model_that_answered_is_recorded() -> None:
    found, _ = ask(says(BOTH, modelVersion="models/gemini-other-002"))
    assert (found.model, found.asked_model) == ("gemini-other-002", "gemini-test")
    silent, _ = ask(says(BOTH, modelVersion=None))
    assert silent.model == "gemini-test"


@pytest.mark.parametrize("said", ["I would buy Samsung.", BOTH[:-30], f"```{BOTH}```"])
def test_the_raw_reply_is_recorded_unchanged(said: str) -> None:
    found, _ = ask(says(said))
    assert found.raw == said


@pytest.mark.parametrize(
    ("deed", "note"),
    [
        (GOOD["a fence"][0], "a fence around the answer"),
        (GOOD["a think block"][0], "thoughts before the answer"),
        (GOOD["thought parts"][0], "thoughts before the answer"),
        (GOOD["a list in an object"][0], "an object around the list"),
        (GOOD["objects and nonsense"][0], "4 of 5 in the list left out"),
        (GOOD["cut off"][0], "not JSON as a whole; 1 objects in it could be read"),
    ],
)
def test_text_removed_around_the_answer_is_noted(deed: Deed, note: str) -> None:
    found, _ = ask(deed)
    assert note in found.notes
