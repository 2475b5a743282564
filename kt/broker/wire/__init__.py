"""The wire: broker fields to records, by rule and not by sample.

`scalars` reads single values (ValueError), `row` reads fields by name (WireError).
"""

from kt.broker.wire import scalars
from kt.broker.wire.row import OnFault, Row, rows, shown, tolerant

__all__ = ["OnFault", "Row", "rows", "scalars", "shown", "tolerant"]
