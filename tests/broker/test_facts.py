"""The shipped facts are complete, small, and no newer or older than the reference."""

from __future__ import annotations

import pytest

from kt.broker import facts, tr
from kt.errors import UsageError
from tests.broker.wiring import REFERENCE
from tests.tools import make_facts


def test_all_207_apis_are_there() -> None:
    assert len(facts.ids()) == 207
    described = [facts.api(api_id) for api_id in facts.ids()]
    assert {one.transport for one in described} == {"rest", "websocket"}
    assert all(one.name and one.path.startswith("/") for one in described)


def test_an_api_with_its_fields() -> None:
    api = facts.api("kt10000")
    assert (api.path, api.transport, api.name) == ("/api/dostk/ordr", "rest", "주식 매수주문")
    assert api.required == ("dmst_stex_tp", "stk_cd", "ord_qty", "trde_tp")
    assert [field.name for field in api.response] == ["ord_no", "dmst_stex_tp"]
    row = next(field for field in facts.api("kt00018").response if field.name == "rmnd_qty")
    assert (row.label, row.depth) == ("보유수량", 1)
    assert next(f for f in facts.api("ka10076").response if f.name == "cntr").is_list


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        facts.api("kt0001x")
    assert error.value.hint is not None and error.value.hint.startswith("Did you mean ")


def test_the_table_of_calls_agrees_with_the_facts() -> None:
    for entry in tr.TABLE.values():
        assert facts.api(entry.api_id).path == entry.path


def test_any_other_api_is_found_by_its_facts() -> None:
    assert tr.find("ka10016") == tr.Tr("ka10016", "/api/dostk/stkinfo")
    assert tr.find("kt50000").group is tr.Group.ORDER
    assert tr.find("kt10006").group is tr.Group.ORDER


def test_only_names_and_labels_are_shipped() -> None:
    for api_id in facts.ids():
        api = facts.api(api_id)
        assert all(len(field.label) < 80 for field in (*api.request, *api.response))


@pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the broker's reference is not beside the project"
)
def test_the_facts_are_fresh() -> None:
    assert make_facts.TARGET.read_text(encoding="utf-8") == make_facts.render(REFERENCE)
