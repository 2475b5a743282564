"""Every way kt can fail, named by what kt does next; and the exit codes a shell sees.

KtError                     1  stop this command
├── UsageError              2  the command line or the configuration must be corrected
│   └── ConfigError         2
├── InputError              3  the piped document is refused; nothing was done
├── AuthError               4  the user must correct the keys or the token
├── Denied                  5  a safety rule denied it, or the user answered no
│   └── Halted              6  kt is halted until `kt resume`
├── OutcomeUnknown          7  an order may or may not be at the broker: do not simply resend
├── BrokerRefused           8  the broker rejected the request
│   └── UnknownStock        8
├── Unreachable             9  the network or the broker is not available
│   ├── RateLimited         9  too many requests, even after waiting and retrying
│   └── StreamReplaced      9  another program logged in with this app key
├── WireError               1  the broker sent something that kt cannot parse
├── JournalError            1  the journal cannot be read or written: nothing is sent
│   └── NotKept             7  an order was sent, but its outcome could not be recorded
└── Busy                    1  another kt process holds the lock
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    INPUT = 3
    AUTH = 4
    DENIED = 5
    HALTED = 6
    UNKNOWN = 7
    REFUSED = 8
    UNREACHABLE = 9


EXIT_MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "done",
    ExitCode.ERROR: "error",
    ExitCode.USAGE: "wrong usage or configuration",
    ExitCode.INPUT: "bad input document; nothing was done",
    ExitCode.AUTH: "authentication failed",
    ExitCode.DENIED: "denied by a safety rule, or not confirmed",
    ExitCode.HALTED: "halted; see kt resume",
    ExitCode.UNKNOWN: "outcome unknown; do not simply try again, see kt order list --unknown",
    ExitCode.REFUSED: "refused by the broker",
    ExitCode.UNREACHABLE: "the network or the broker is not available",
}


class KtError(Exception):
    """Stop this command, say what happened and what to do next.

    `hint` is one sentence that says what to do; `code` is a short stable name for logs
    (a denial code, the broker's bracket code, …).
    """

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class UsageError(KtError):
    """The command line must be corrected; nothing was done."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """The configuration must be corrected; nothing was done."""


class UnknownCondition(UsageError):
    """The broker has no condition search of this name; `known` are those that it has."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"there is no condition search {name!r}",
            hint=f"There are: {', '.join(known)}."
            if known
            else "There is none: they are made in the broker's own program.",
        )
        self.known = known


class InputError(KtError):
    """The piped document is refused: cut off, another kind or profile, or too old."""

    exit_code = ExitCode.INPUT


class AuthError(KtError):
    """The user must correct the keys or the token; kt does not retry."""

    exit_code = ExitCode.AUTH


class Denied(KtError):
    """A safety rule denied it, or the user did; kt continues with the next decision."""

    exit_code = ExitCode.DENIED


class Halted(Denied):
    """No order leaves until the owner says `kt resume`."""

    exit_code = ExitCode.HALTED


class OutcomeUnknown(KtError):
    """An order may or may not stand at the broker: its stock is locked until that is settled."""

    exit_code = ExitCode.UNKNOWN


class BrokerRefused(KtError):
    """The broker rejected the request; kt logs it and continues with the next cycle."""

    exit_code = ExitCode.REFUSED


class UnknownStock(BrokerRefused):
    """The broker knows no such stock code."""


class Unreachable(KtError):
    """The network or the broker is not available: reconnect three times, then emergency."""

    exit_code = ExitCode.UNREACHABLE


class RateLimited(Unreachable):
    """Too many requests: wait for the budget and retry. An order with this response was not
    placed."""


class StreamReplaced(Unreachable):
    """The server ended the stream because the same app key logged in elsewhere: kt does not
    reconnect."""


class WireError(KtError):
    """A field of the broker's response cannot be parsed.

    `where` is its path, as in `ka10076.cntr[0].cntr_pric`; `value` is the field's content.
    """

    def __init__(self, where: str, value: object, *, hint: str | None = None) -> None:
        super().__init__(f"{where}: {value!r}", hint=hint)
        self.where = where
        self.value = value


class JournalError(KtError):
    """The journal cannot be read or written: nothing is sent."""


class NotKept(JournalError):
    """An order was sent but its outcome could not be recorded: the next start looks for it at the
    broker. Nothing more is sent."""

    exit_code = ExitCode.UNKNOWN


class Busy(KtError):
    """Another kt process of this profile holds the lock."""
