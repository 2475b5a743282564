"""The order's state machine as one table, and the canonical sequence of its events."""

from __future__ import annotations

from collections.abc import Iterable

from kt.records import OrderEvent, OrderEventKind, OrderState
from kt.rules.distinct_fills import number

_K = OrderEventKind
_S = OrderState

_STANDING = (_S.ACKED, _S.PARTIAL, _S.AMENDING, _S.CANCELLING)
_FILLING = (_S.PARTIAL, _S.AMENDING, _S.CANCELLING, _S.FILLED, _S.CANCELLED)
_AFTER_CANCEL = (*_STANDING, _S.CANCELLED, _S.FILLED)

Row = dict[OrderEventKind, tuple[OrderState, ...]]

_FOUND: Row = {
    _K.ACKED: (_S.ACKED,),
    _K.ADOPTED: (_S.ACKED,),
    _K.FILL: (_S.PARTIAL, _S.FILLED),
    _K.CANCELLED: (_S.CANCELLED, _S.ACKED),
}
"""Evidence that the broker has the order: from the answer, the stream or a listing."""

_LOST: Row = {
    _K.REJECTED: (_S.REJECTED,),
    _K.NOT_PLACED: (_S.NOT_PLACED,),
    _K.GIVEN_UP: (_S.NOT_PLACED,),
}

_AT_BROKER: Row = {
    _K.ACKED: _STANDING,
    _K.ADOPTED: _STANDING,
    _K.AMENDING: (_S.AMENDING, _S.CANCELLING),
    _K.AMENDED: _STANDING,
    _K.AMEND_FAILED: _STANDING,
    _K.CANCELLING: (_S.CANCELLING,),
    _K.CANCEL_FAILED: _STANDING,
    _K.CHANGE_UNKNOWN: _STANDING,
    _K.FILL: _FILLING,
    _K.CANCELLED: _AFTER_CANCEL,
    _K.EXPIRED: (_S.EXPIRED,),
}

_SETTLED_KINDS = (
    _K.ACKED,
    _K.ADOPTED,
    _K.AMENDING,
    _K.AMENDED,
    _K.AMEND_FAILED,
    _K.CANCELLING,
    _K.CANCEL_FAILED,
    _K.CHANGE_UNKNOWN,
)


def _late(state: OrderState) -> Row:
    """Answers after a final state: they change nothing."""
    return {kind: (state,) for kind in _SETTLED_KINDS}


TRANSITIONS: dict[OrderState, Row] = {
    _S.PLANNED: {
        _K.PLANNED: (_S.PLANNED,),
        _K.DENIED: (_S.DENIED,),
        _K.SENDING: (_S.SENDING,),
        _K.UNKNOWN: (_S.UNKNOWN,),
        **_FOUND,
        **_LOST,
    },
    _S.SENDING: {_K.UNKNOWN: (_S.UNKNOWN,), **_FOUND, **_LOST},
    _S.UNKNOWN: {
        _K.UNKNOWN: (_S.UNKNOWN,),
        **_FOUND,
        _K.REJECTED: (_S.REJECTED,),
        _K.GIVEN_UP: (_S.NOT_PLACED,),
    },
    _S.NOT_PLACED: {
        _K.SENDING: (_S.SENDING,),
        _K.NOT_PLACED: (_S.NOT_PLACED,),
        _K.GIVEN_UP: (_S.NOT_PLACED,),
        _K.REJECTED: (_S.REJECTED,),
    },
    _S.ACKED: {**_AT_BROKER, _K.REJECTED: (_S.REJECTED,)},
    _S.PARTIAL: _AT_BROKER,
    _S.AMENDING: _AT_BROKER,
    _S.CANCELLING: _AT_BROKER,
    _S.FILLED: {
        **_late(_S.FILLED),
        _K.FILL: (_S.FILLED,),
        _K.CANCELLED: (_S.FILLED,),
        _K.EXPIRED: (_S.FILLED,),
    },
    _S.CANCELLED: {
        **_late(_S.CANCELLED),
        _K.FILL: (_S.CANCELLED, _S.FILLED),
        _K.CANCELLED: (_S.CANCELLED,),
        _K.EXPIRED: (_S.CANCELLED,),
    },
    _S.EXPIRED: {
        **_late(_S.EXPIRED),
        _K.FILL: (_S.EXPIRED, _S.FILLED, _S.CANCELLED),
        _K.EXPIRED: (_S.EXPIRED,),
        _K.CANCELLED: (_S.CANCELLED,),
        _K.REJECTED: (_S.REJECTED,),
    },
    _S.REJECTED: {
        _K.REJECTED: (_S.REJECTED,),
        _K.GIVEN_UP: (_S.REJECTED,),
        _K.EXPIRED: (_S.REJECTED,),
    },
    _S.DENIED: {_K.DENIED: (_S.DENIED,)},
}
"""By state and kind of event: the possible next states. Where there are several, the share counts
and the pending changes decide. An event that is not in a state's row is impossible."""

_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            _K.PLANNED,
            _K.SENDING,
            _K.UNKNOWN,
            _K.ACKED,
            _K.ADOPTED,
            _K.AMENDING,
            _K.CANCELLING,
            _K.AMENDED,
            _K.AMEND_FAILED,
            _K.CANCEL_FAILED,
            _K.CHANGE_UNKNOWN,
            _K.FILL,
            _K.CANCELLED,
            _K.REJECTED,
            _K.EXPIRED,
            _K.NOT_PLACED,
            _K.GIVEN_UP,
            _K.DENIED,
        )
    )
}


def canonical(events: Iterable[OrderEvent]) -> list[OrderEvent]:
    """The canonical sequence of a set of events, whatever order they arrived in.

    Evidence that the broker has the order comes before evidence that it has not, so that the latter
    is the one found impossible. A send that was certainly not placed is followed by the next send;
    only the last such result counts.
    """
    ranked = sorted(events, key=_sequence)
    sends = [event for event in ranked if event.kind is _K.SENDING]
    failed = [event for event in ranked if event.kind is _K.NOT_PLACED]
    between = failed[: max(0, len(sends) - 1)]
    sending = [event for pair in zip(sends, between, strict=False) for event in pair]
    sending += sends[len(between) :]
    first = [event for event in ranked if event.kind is _K.PLANNED]
    taken = {event.event_id for event in (*first, *sending)}
    return [*first, *sending, *(event for event in ranked if event.event_id not in taken)]


def _sequence(event: OrderEvent) -> tuple[object, ...]:
    """AMENDED and ACKED sort by their order numbers, which the broker assigns in ascending
    order."""
    by_number = event.kind in (_K.ACKED, _K.ADOPTED, _K.AMENDED)
    return (_RANK[event.kind], number(event.ord_no) if by_number else 0, event.at, event.event_id)
