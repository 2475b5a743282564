"""The one place where every command ends: an exception becomes a message and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Sequence

import click

from kt.cli.support.cli_context import CliContext
from kt.cli.support.termination import Terminated, unwinding
from kt.errors import ExitCode, KtError, UsageError
from kt.files import TROUBLES, trouble
from kt.text import sentences, visible

INTERRUPTED = 128 + signal.SIGINT


def run(arguments: Sequence[str], session: CliContext | None = None) -> int:
    """Run one command line; return its exit code. Nothing escapes but a broken interpreter."""
    from kt.cli.root import root

    session = session or CliContext()
    _speak_utf8()
    try:
        with unwinding():
            code = _guarded(root, arguments, session)
    except Terminated as ended:  # while it was ending anyway
        code = ended.exit_code
    _flush()
    return code


def _guarded(root: click.Command, arguments: Sequence[str], session: CliContext) -> int:
    code: int = ExitCode.ERROR
    try:
        _readable(arguments)
        result = root.main(list(arguments), prog_name="kt", standalone_mode=False, obj=session)
        code = result if isinstance(result, int) else ExitCode.DONE
    except KtError as error:
        code = error.exit_code
        session.console.warn(sentence(error.message, error.hint))
    except click.UsageError as error:
        code = ExitCode.USAGE
        session.console.warn(usage(error))
    except click.ClickException as error:
        session.console.warn(sentence(error.format_message(), None))
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Terminated as ended:
        code = ended.exit_code
    except MemoryError:
        session.console.warn(sentence("out of memory", TROUBLES[errno.ENOMEM][1]))
    except Exception as error:  # noqa: BLE001  the last door: a sentence here, the rest in a file
        session.console.warn(apology(error, session))
    finally:
        code = _close(session, code)
    if session.console.failure:
        unwritten = _unwritten(session)
        code = code or unwritten
    return code


def _readable(arguments: Sequence[str]) -> None:
    for number, argument in enumerate(arguments, 1):
        if any("\ud800" <= letter <= "\udfff" for letter in argument):
            raise UsageError(f"argument {number} is no UTF-8: {visible(argument, 60)}")


def _unwritten(session: CliContext) -> ExitCode:
    """What was found out is lost on the way to whoever asked. Where an order was sent, that must
    not look like an error after which one tries again."""
    said = f"the output could not be written: {session.console.failure}"
    if session.sent:
        hint = "Do not send it again; `kt order list` shows it."
        session.console.warn(sentence(f"the order was sent, but {said}", hint))
        return ExitCode.UNKNOWN
    session.console.warn(sentence(said, None))
    return ExitCode.ERROR


def sentence(message: str, hint: str | None) -> str:
    """`kt: what happened. what to do`."""
    text = sentences(message).strip(" ")
    if not text.endswith((".", "!", "?", "\n")):
        text += "."
    if not hint:
        return f"kt: {text}".rstrip("\n")
    hint = visible(hint[:1].upper() + hint[1:])
    gap = "" if text.endswith("\n") else " "
    return f"kt: {text}{gap}{hint}{'' if hint.endswith(('.', '!', '?')) else '.'}"


def usage(error: click.UsageError) -> str:
    """What is wrong with the command line, and the command that explains it."""
    message = error.format_message()
    path = error.ctx.command_path if error.ctx else "kt"
    return sentence(message[:1].lower() + message[1:], f"See `{path} --help`.")


def apology(error: Exception, session: CliContext) -> str:
    """One line for a fault of kt itself; the traceback goes to a file only the user can read. What
    the machine lacks is no fault of kt's."""
    short = visible(f"{type(error).__name__}: {error}".splitlines()[0], 200)
    if isinstance(error, OSError):
        why, advice = trouble(error)
        short = f"{error.filename}: {why}" if error.filename else why
        if error.errno in TROUBLES:
            return sentence(short, advice)
    try:
        place = _save_traceback(error, session)
    except OSError as failed:
        return f"kt: unexpected error: {short}. (The traceback could not be kept: {failed})"
    return f"kt: unexpected error, sorry: {short}. The details are in {place}"


def _save_traceback(error: Exception, session: CliContext) -> str:
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    for name, secret in session.environ.items():
        if secret and name.endswith("_KEY"):
            text = text.replace(secret, "***")
    handle, place = tempfile.mkstemp(prefix="kt-error-", suffix=".txt")  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return place


def _close(session: CliContext, code: int) -> int:
    """Write the end of the run and let everything go; a failure here never hides the first, and
    never makes an order that stands look like one that was not placed."""
    try:
        session.close(code)
    except KtError as error:
        session.console.warn(sentence(error.message, error.hint))
        return code or (ExitCode.DONE if session.sent or session.stopped else error.exit_code)
    except Exception as error:  # noqa: BLE001
        session.console.warn(apology(error, session))
        return code or ExitCode.ERROR
    return code


def _speak_utf8() -> None:
    """JSON is UTF-8 whatever the locale; a terminal that lacks a letter shows a mark for it."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        with contextlib.suppress(ValueError, OSError):
            if stream.isatty():
                reconfigure(errors="replace")
            else:
                reconfigure(encoding="utf-8", errors="backslashreplace")


def _flush() -> None:
    """Let the interpreter end quietly when whoever read our output has gone."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
