"""The catalogue is complete and fresh; the client's endpoints and the exchange's follow from it."""

from __future__ import annotations

import math

import pytest

from kt import api_catalog
from kt.broker.rest import endpoints
from kt.errors import UsageError
from kt.sim.wire.apis import SERVED, documented
from tests.broker.wiring import REFERENCE
from tests.tools import make_api_catalog


def test_the_catalogue_has_all_207_apis() -> None:
    assert len(api_catalog.ids()) == 207
    described = [api_catalog.api(api_id) for api_id in api_catalog.ids()]
    assert {one.transport for one in described} == {"rest", "websocket"}
    assert all(one.name and one.path.startswith("/") for one in described)


def test_an_api_is_found_with_its_fields() -> None:
    api = api_catalog.api("kt10000")
    assert (api.path, api.transport, api.name) == ("/api/dostk/ordr", "rest", "주식 매수주문")
    assert api.required == ("dmst_stex_tp", "stk_cd", "ord_qty", "trde_tp")
    assert [field.name for field in api.response] == ["ord_no", "dmst_stex_tp"]
    row = next(field for field in api_catalog.api("kt00018").response if field.name == "rmnd_qty")
    assert (row.label, row.depth) == ("보유수량", 1)


def test_an_answer_has_single_values_and_one_list_of_rows() -> None:
    api = api_catalog.api("ka10045")
    assert api.fields == ("orgn_prsm_avg_pric", "for_prsm_avg_pric")
    assert api.row_list == "stk_orgn_trde_trnsn"
    assert api.row_fields[:2] == ("dt", "close_pric")
    assert len(api.row_fields) == 11
    assert api_catalog.api("ka10001").row_list == ""
    assert api_catalog.api("ka10001").row_fields == ()


def test_of_several_lists_the_rows_are_the_first_ones() -> None:
    api = api_catalog.api("ka90003")
    lists = [field.name for field in api.response if field.is_list]
    assert lists == ["prm_netprps_upper_50", "prm_trde_trnsn"]
    assert api.row_list == lists[0]
    whole = sum(field.depth == 1 for field in api.response)
    assert 0 < len(api.row_fields) < whole


def test_a_live_type_has_numbered_values() -> None:
    api = api_catalog.api("0B")
    assert (api.transport, api.fids[:3], len(api.fids)) == ("websocket", ("20", "10", "11"), 43)


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        api_catalog.api("kt0001x")
    assert error.value.hint is not None and error.value.hint.startswith("Did you mean ")


@pytest.mark.parametrize(
    ("api_id", "group", "priority", "at_most"),
    [
        ("au10001", "token", endpoints.Priority.ORDER, math.inf),
        ("kt10002", "order", endpoints.Priority.ORDER, math.inf),
        ("kt50000", "order", endpoints.Priority.ORDER, math.inf),
        ("kt10006", "order", endpoints.Priority.ORDER, math.inf),
        ("kt00018", "query", endpoints.Priority.ACCOUNT, math.inf),
        ("ka10004", "query", endpoints.Priority.EXIT, math.inf),
        ("ka10099", "query", endpoints.Priority.EXIT, 0.5),
        ("ka10016", "query", endpoints.Priority.SCAN, math.inf),
    ],
)
def test_the_client_calls_an_api_by_its_kind(
    api_id: str, group: str, priority: endpoints.Priority, at_most: float
) -> None:
    found = endpoints.find(api_id)
    assert (found.group, found.priority, found.at_most) == (group, priority, at_most)
    assert found.path == api_catalog.api(api_id).path


def test_the_exchange_knows_every_rest_api_but_tokens_and_the_retired_one() -> None:
    known = {api_id for api_id in api_catalog.ids() if documented(api_id) is not None}
    rest = {i for i in api_catalog.ids() if api_catalog.api(i).transport == "rest"}
    assert rest - known == {"au10001", "au10002", "ka10009"}
    assert SERVED.keys() < known
    assert documented("ka99999") is None


def test_the_exchange_counts_every_order_api_in_one_budget() -> None:
    orders = {api_id for api_id, served in SERVED.items() if served.bucket == "order"}
    assert orders == {"kt10000", "kt10001", "kt10002", "kt10003"}
    assert SERVED["ka10001"].bucket == "ka10001"


def test_only_names_and_labels_are_shipped() -> None:
    for api_id in api_catalog.ids():
        api = api_catalog.api(api_id)
        assert all(len(field.label) < 80 for field in (*api.request, *api.response))


@pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the broker's reference is not beside the project"
)
def test_the_catalogue_matches_the_brokers_reference() -> None:
    assert make_api_catalog.TARGET.read_text(encoding="utf-8") == make_api_catalog.render(REFERENCE)
