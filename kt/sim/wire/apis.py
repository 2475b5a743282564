"""Every API by id: its path, what it requires and who answers; and all documented ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kt.sim.wire import (
    charts,
    deposit,
    extras,
    flows,
    holdings,
    orderlists,
    orders,
    quotes,
    rankings,
)
from kt.sim.wire.frame import Call, Reply

TOKEN_PATH = "/oauth2/token"
REVOKE_PATH = "/oauth2/revoke"
ACCOUNT, STOCKS, MARKET = "/api/dostk/acnt", "/api/dostk/stkinfo", "/api/dostk/mrkcond"
FOREIGN, RANKS = "/api/dostk/frgnistt", "/api/dostk/rkinfo"
CHART, ORDER = "/api/dostk/chart", "/api/dostk/ordr"
RETIRED = frozenset({"ka10009"})
"""Documented once, unknown to the server now."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API that the exchange serves. `bucket` names the rate budget it draws on."""

    api_id: str
    path: str
    required: tuple[str, ...]
    answer: Callable[[Call], Reply]
    bucket: str

    @property
    def is_order(self) -> bool:
        return self.bucket == "order"


def _api(api_id: str, path: str, required: str, answer: Callable[[Call], Reply]) -> Api:
    bucket = "order" if path == ORDER else api_id
    return Api(api_id, path, tuple(required.split()), answer, bucket)


SERVED = {
    api.api_id: api
    for api in (
        _api("ka00001", ACCOUNT, "", deposit.account),
        _api("kt00001", ACCOUNT, "qry_tp", deposit.deposit),
        _api("kt00010", ACCOUNT, "stk_cd trde_tp uv", deposit.orderable),
        _api("kt00018", ACCOUNT, "qry_tp dmst_stex_tp", holdings.holdings),
        _api("kt00004", ACCOUNT, "qry_tp dmst_stex_tp", extras.account_status),
        _api("kt00005", ACCOUNT, "dmst_stex_tp", extras.filled_holdings),
        _api("kt00007", ACCOUNT, "qry_tp stk_bond_tp sell_tp dmst_stex_tp", orderlists.day_orders),
        _api("ka10075", ACCOUNT, "all_stk_tp trde_tp stex_tp", orderlists.open_orders),
        _api("ka10076", ACCOUNT, "qry_tp sell_tp stex_tp", orderlists.fills),
        _api("ka10077", ACCOUNT, "stk_cd", holdings.realised),
        _api("ka10085", ACCOUNT, "stex_tp", holdings.returns),
        _api(
            "ka10023",
            RANKS,
            "mrkt_tp sort_tp tm_tp trde_qty_tp stk_cnd pric_tp stex_tp",
            rankings.surges,
        ),
        _api(
            "ka10030",
            RANKS,
            "mrkt_tp sort_tp mang_stk_incls crd_tp trde_qty_tp pric_tp trde_prica_tp mrkt_open_tp"
            " stex_tp",
            rankings.volumes,
        ),
        _api("ka10032", RANKS, "mrkt_tp mang_stk_incls stex_tp", rankings.values),
        _api(
            "ka10027",
            RANKS,
            "mrkt_tp sort_tp trde_qty_cnd stk_cnd crd_cnd updown_incls pric_cnd trde_prica_cnd"
            " stex_tp",
            rankings.changes,
        ),
        _api("ka10001", STOCKS, "stk_cd", quotes.stock),
        _api("ka10002", STOCKS, "stk_cd", quotes.firms),
        _api("ka10003", STOCKS, "stk_cd", extras.trades),
        _api("ka10100", STOCKS, "stk_cd", extras.instrument),
        _api("ka10004", MARKET, "stk_cd", quotes.order_book),
        _api("ka10008", FOREIGN, "stk_cd", flows.foreign),
        _api(
            "ka10045",
            MARKET,
            "stk_cd strt_dt end_dt orgn_prsm_unp_tp for_prsm_unp_tp",
            flows.institutions,
        ),
        _api("ka10046", MARKET, "stk_cd", flows.strength),
        _api("ka10059", STOCKS, "dt stk_cd amt_qty_tp trde_tp unit_tp", flows.investors),
        _api("ka10095", STOCKS, "stk_cd", quotes.watch_list),
        _api("ka10099", STOCKS, "mrkt_tp", quotes.instruments),
        _api("ka10079", CHART, "stk_cd tic_scope upd_stkpc_tp", charts.ticks),
        _api("ka10080", CHART, "stk_cd tic_scope upd_stkpc_tp", charts.minutes),
        _api("ka10081", CHART, "stk_cd base_dt upd_stkpc_tp", charts.days),
        _api("ka10082", CHART, "stk_cd base_dt upd_stkpc_tp", charts.weeks),
        _api("ka10083", CHART, "stk_cd base_dt upd_stkpc_tp", charts.months),
        _api("kt10000", ORDER, "dmst_stex_tp stk_cd ord_qty trde_tp", orders.buy),
        _api("kt10001", ORDER, "dmst_stex_tp stk_cd ord_qty trde_tp", orders.sell),
        _api("kt10002", ORDER, "dmst_stex_tp orig_ord_no stk_cd mdfy_qty mdfy_uv", orders.amend),
        _api("kt10003", ORDER, "dmst_stex_tp orig_ord_no stk_cd cncl_qty", orders.cancel),
    )
}

_DOCUMENTED = {
    ACCOUNT: "ka00001 ka01690 ka10072 ka10073 ka10074 ka10075 ka10076 ka10077 ka10085 ka10088"
    " ka10170 kt00001 kt00002 kt00003 kt00004 kt00005 kt00007 kt00008 kt00009 kt00010 kt00011"
    " kt00012 kt00013 kt00015 kt00016 kt00017 kt00018 kt50020 kt50021 kt50030 kt50031 kt50032"
    " kt50075",
    STOCKS: "ka00198 ka10001 ka10002 ka10003 ka10013 ka10015 ka10016 ka10017 ka10018 ka10019"
    " ka10024 ka10025 ka10026 ka10028 ka10043 ka10052 ka10054 ka10055 ka10058 ka10059 ka10061"
    " ka10084 ka10095 ka10099 ka10100 ka10101 ka10102 ka90003 ka90004 kt20016 kt20017",
    MARKET: "ka10004 ka10005 ka10006 ka10007 ka10011 ka10044 ka10045 ka10046 ka10047 ka10063"
    " ka10066 ka10078 ka10086 ka10087 ka50010 ka50012 ka50087 ka50100 ka50101 ka90005 ka90006"
    " ka90007 ka90008 ka90010 ka90013",
    FOREIGN: "ka10008 ka10131 ka52301",
    "/api/dostk/sect": "ka10010 ka10051 ka20001 ka20002 ka20003 ka20009",
    "/api/dostk/shsa": "ka10014",
    RANKS: "ka10020 ka10021 ka10022 ka10023 ka10027 ka10029 ka10030 ka10031 ka10032 ka10033"
    " ka10034 ka10035 ka10036 ka10037 ka10038 ka10039 ka10040 ka10042 ka10053 ka10062 ka10065"
    " ka10098 ka90009",
    "/api/dostk/elw": "ka10048 ka10050 ka30001 ka30002 ka30003 ka30004 ka30005 ka30009 ka30010"
    " ka30011 ka30012",
    CHART: "ka10060 ka10064 ka10079 ka10080 ka10081 ka10082 ka10083 ka10094 ka20004 ka20005"
    " ka20006 ka20007 ka20008 ka20019 ka50079 ka50080 ka50081 ka50082 ka50083 ka50091 ka50092",
    "/api/dostk/slb": "ka10068 ka10069 ka20068 ka90012",
    "/api/dostk/etf": "ka40001 ka40002 ka40003 ka40004 ka40006 ka40007 ka40008 ka40009 ka40010",
    "/api/dostk/thme": "ka90001 ka90002",
    ORDER: "kt10000 kt10001 kt10002 kt10003 kt50000 kt50001 kt50002 kt50003",
    "/api/dostk/crdordr": "kt10006 kt10007 kt10008 kt10009",
}
DOCUMENTED = {api_id: path for path, ids in _DOCUMENTED.items() for api_id in ids.split()}
"""Every REST API of the broker but the tokens' and the retired one: id -> path."""
