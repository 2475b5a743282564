"""The outer shape of a WebSocket frame: its name, an answer's return code, the rows of its data.

The usual shape is decoded in one step. Any other frame is read field by field, so that an answer
whose message is `null` is still an answer, and one invalid row does not lose the others.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from kt.broker.wire import OnFault, shown
from kt.errors import WireError

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the decoder raises for an invalid frame."""


class RawRow(msgspec.Struct):
    """One row of a data frame, its values not yet decoded."""

    type: str
    values: Raw
    item: str | None = ""


class Frame(msgspec.Struct):
    """Any frame of the server: an answer, PING, SYSTEM or REAL (data)."""

    trnm: str
    data: list[RawRow] | None = None
    return_code: int | str = 0
    return_msg: str = ""
    code: str = ""
    """SYSTEM's: R10001 and its kind."""
    message: str = ""

    @property
    def refused(self) -> bool:
        return str(self.return_code).strip().strip("0") != ""


class LooseFrame(msgspec.Struct):
    """A frame with a field or a row of an unusual type."""

    trnm: str
    data: Raw = Raw(b"[]")
    return_code: object = 0
    return_msg: object = ""
    code: object = ""
    message: object = ""


FRAME = msgspec.json.Decoder(Frame)
_LOOSE = msgspec.json.Decoder(LooseFrame)
_ROWS = msgspec.json.Decoder(list[Raw])
_ROW = msgspec.json.Decoder(RawRow)


def decode_loosely(data: bytes, on_fault: OnFault) -> Frame:
    """A frame that FRAME cannot decode. `on_fault` is called for invalid rows.

    Raises WireError if it is not a frame.
    """
    try:
        loose = _LOOSE.decode(data)
        rows = _rows(loose, on_fault) if loose.trnm == "REAL" else []
    except UNREADABLE:
        raise WireError("frame", shown(data)) from None
    said = (loose.return_code, loose.return_msg, loose.code, loose.message)
    number, text, code, message = ("" if one is None else str(one) for one in said)
    return Frame(loose.trnm, rows, number, text, code, message)


def _rows(frame: LooseFrame, on_fault: OnFault) -> list[RawRow]:
    """Raises the decoder's errors if the data is not a list."""
    rows: list[RawRow] = []
    for index, raw in enumerate(_ROWS.decode(frame.data)):
        try:
            rows.append(_ROW.decode(raw))
        except UNREADABLE:
            on_fault(WireError(f"REAL.data[{index}]", shown(bytes(raw))))
    return rows
