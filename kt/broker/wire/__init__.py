"""Parsers that turn broker fields into records; nothing here sends, waits or keeps state.

`scalars` parses single values (ValueError), `row` reads fields by name (WireError).
"""

from kt.broker.wire import scalars
from kt.broker.wire.row import OnFault, Row, rows, shown, tolerant

__all__ = ["OnFault", "Row", "rows", "scalars", "shown", "tolerant"]
