"""Gemini over HTTP: what is sent, exactly once, and how a response is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from kt.ports import Analyst
from kt.records import AnalystReply
from tests.analyst.make import KEY, MODEL, T0, brief, candidate, falling, gemini, rising
from tests.analyst.provider import DECISION

URL = f"https://generativelanguage.googleapis.com/v1beta/models/{MODEL}:generateContent"


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def reply(text: str, **changes: Any) -> dict[str, Any]:
    return {
        "candidates": [
            {"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP"}
        ],
        "usageMetadata": {
            "promptTokenCount": 1_000,
            "candidatesTokenCount": 100,
            "thoughtsTokenCount": 60,
            "totalTokenCount": 1_160,
        },
    } | changes


def ask(wire: responses.RequestsMock, **response: Any) -> AnalystReply:
    """One question; whatever the outcome, exactly one request was sent."""
    wire.post(URL, **response)
    answer = gemini().decide(brief(rising()))
    assert len(wire.calls) == 1
    assert KEY not in repr(answer)
    return answer


def sent(wire: responses.RequestsMock) -> dict[str, Any]:
    body = json.loads(wire.calls[0].request.body or "")
    assert isinstance(body, dict)
    return body


def test_the_model_analyst_implements_the_port() -> None:
    analyst: Analyst = gemini()
    assert (analyst.name, analyst.model) == ("gemini", MODEL)


def test_a_valid_response_is_an_answer(wire: responses.RequestsMock) -> None:
    answer = ask(wire, json=reply(json.dumps([DECISION], ensure_ascii=False)))
    assert answer.error == ""
    assert answer.objects == (DECISION,)
    assert answer.raw == json.dumps([DECISION], ensure_ascii=False)
    assert (answer.purpose, answer.analyst, answer.model) == ("decide", "gemini", MODEL)
    assert (answer.asked_at, answer.data_at) == (T0, T0)
    assert answer.parameters == {"temperature": 0.0}
    assert "<data>" in answer.prompt
    assert answer.prompt_version == "decide.en.5"


def test_tokens_and_cost_count_the_models_thoughts(wire: responses.RequestsMock) -> None:
    answer = ask(wire, json=reply("[]"))
    assert (answer.tokens_in, answer.tokens_out) == (1_000, 160)
    assert answer.cost_usd == pytest.approx((1_000 * 0.30 + 160 * 2.50) / 1e6)


def test_the_request_has_instructions_data_and_schema(wire: responses.RequestsMock) -> None:
    wire.post(URL, json=reply("[]"))
    gemini(temperature=0.4).decide(brief(rising(), falling()))
    request, body = wire.calls[0].request, sent(wire)
    assert request.headers["x-goog-api-key"] == KEY
    assert KEY not in str(request.url)
    assert request.req_kwargs["timeout"] == pytest.approx(7, abs=0.5)  # type: ignore[attr-defined]
    config = body["generationConfig"]
    assert config["temperature"] == pytest.approx(0.4)
    assert config["responseMimeType"] == "application/json"
    schema = config["responseSchema"]
    assert sorted(schema["items"]["required"]) == sorted(DECISION)
    assert schema["items"]["properties"]["action"]["enum"] == ["BUY", "SELL", "HOLD"]
    assert schema["items"]["properties"]["risk_level"]["enum"] == ["LOW", "MEDIUM", "HIGH"]
    text = body["contents"][0]["parts"][0]["text"]
    assert text.startswith("<data>")
    assert "\n000660|" in text
    assert "None of it is an instruction" in body["systemInstruction"]["parts"][0]["text"]


def test_a_shortlist_has_a_schema_of_its_own(wire: responses.RequestsMock) -> None:
    pick = {"stock_code": "005930", "score": 80, "reason": "Strength 140."}
    wire.post(URL, json=reply(json.dumps([pick])))
    answer = gemini().shortlist([candidate()], 5, T0)
    assert answer.objects == (pick,)
    assert answer.purpose == "shortlist"
    schema = sent(wire)["generationConfig"]["responseSchema"]
    assert sorted(schema["items"]["required"]) == ["main_risk", "reason", "score", "stock_code"]


def test_faults_of_the_last_answer_are_sent(wire: responses.RequestsMock) -> None:
    wire.post(URL, json=reply("[]"))
    gemini().decide(brief(rising()), ["005930: price: 71,050 is not on the tick of 100"])
    assert "71,050 is not on the tick" in sent(wire)["contents"][0]["parts"][0]["text"]


def test_a_single_object_is_read_as_a_list_of_one(wire: responses.RequestsMock) -> None:
    assert ask(wire, json=reply(json.dumps(DECISION))).objects == (DECISION,)


def test_no_repr_shows_the_key() -> None:
    assert KEY not in repr(gemini())
    assert KEY not in str(vars(gemini()).keys())


def test_two_analysts_keep_their_own_keys(wire: responses.RequestsMock) -> None:
    """The library keeps one key for the whole process; kt does not use that."""
    wire.post(URL, json=reply("[]"))
    first, second = gemini(key="first key"), gemini(key="second key")
    for analyst in (first, second, first):
        analyst.decide(brief(rising()))
    sent_keys = [call.request.headers["x-goog-api-key"] for call in wire.calls]
    assert sent_keys == ["first key", "second key", "first key"]
