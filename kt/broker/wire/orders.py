"""Parses the lists of orders and fills. Strict: any invalid row is an error, because kt's order
states and positions follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from kt.broker.wire import scalars
from kt.broker.wire.row import rows
from kt.records import BrokerOrder, Execution

Body = Mapping[str, object]


def open_orders(body: Body, today: date) -> list[BrokerOrder]:
    """ka10075, one page. `filled_quantity` is what has been filled so far."""
    found = []
    for row in rows(body, "ka10075"):
        price, original = row.price("ord_pric", 0), row.order_number("orig_ord_no", "")
        kind = scalars.order_kind(row.text("io_tp_nm"), row.text("ord_stt"))
        found.append(
            BrokerOrder(
                ord_no=row.order_number("ord_no"),
                original_ord_no=original,
                stock_code=row.code("stk_cd"),
                stock_name=row.text("stk_nm", ""),
                side=row.side("io_tp_nm"),
                order_type=row.order_type("trde_tp", price),
                quantity=row.integer("ord_qty"),
                price=price,
                open_quantity=row.integer("oso_qty"),
                filled_quantity=row.price("cntr_qty", 0),
                fill_price=row.price("cntr_pric", 0),
                status=scalars.status(row.text("ord_stt")),
                at=row.moment("tm", today),
                # An open order with an original order number is the result of an amend.
                kind="AMEND" if kind == "NEW" and original else kind,
            )
        )
    return found


def executions(body: Body, today: date) -> list[Execution]:
    """ka10076, one page. Rows without a filled quantity are acknowledgements, not fills."""
    found = []
    for row in rows(body, "ka10076"):
        quantity = row.price("cntr_qty")
        if not quantity:
            continue
        found.append(
            Execution(
                ord_no=row.order_number("ord_no"),
                original_ord_no=row.order_number("orig_ord_no", ""),
                stock_code=row.code("stk_cd"),
                stock_name=row.text("stk_nm", ""),
                side=row.side("io_tp_nm"),
                order_quantity=row.integer("ord_qty"),
                order_price=row.price("ord_pric", 0),
                quantity=quantity,
                price=row.price("cntr_pric"),
                open_quantity=row.integer("oso_qty"),
                fee=row.integer("tdy_trde_cmsn", 0),
                tax=row.integer("tdy_trde_tax", 0),
                at=row.moment("ord_tm", today),
            )
        )
    return found


def day_orders(body: Body, today: date) -> list[BrokerOrder]:
    """kt00007, one page. Its status is 접수 (accepted) for filled orders too, so the filled
    quantity takes precedence."""
    found = []
    for row in rows(body, "kt00007"):
        price, filled = row.price("ord_uv", 0), row.integer("cntr_qty", 0)
        found.append(
            BrokerOrder(
                ord_no=row.order_number("ord_no"),
                original_ord_no=row.order_number("ori_ord", ""),
                stock_code=row.code("stk_cd"),
                stock_name=row.text("stk_nm", ""),
                side=row.side("io_tp_nm"),
                order_type=row.order_type("trde_tp", price),
                quantity=row.integer("ord_qty"),
                price=price,
                open_quantity=row.integer("ord_remnq"),
                filled_quantity=filled,
                fill_price=row.price("cntr_uv", 0),
                status="FILL" if filled else scalars.status(row.text("acpt_tp", "")),
                at=row.moment("ord_tm", today),
                kind=scalars.order_kind(row.text("io_tp_nm"), row.text("mdfy_cncl", "")),
                confirmed_quantity=row.integer("cnfm_qty", 0),
            )
        )
    return found
