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
from kt.cli.support.language import early_language
from kt.cli.support.messages import sentence
from kt.cli.support.termination import Terminated, unwinding
from kt.errors import ExitCode, KtError, UsageError
from kt.files import TROUBLES, trouble
from kt.text import visible
from kt.translation import speaking, tr

INTERRUPTED = 128 + signal.SIGINT


def run(arguments: Sequence[str], cli: CliContext | None = None) -> int:
    """Run one command line; return its exit code. No exception escapes."""
    from kt.cli.root import root

    cli = cli or CliContext()
    _use_utf8()
    try:
        with speaking(lambda: early_language(arguments, cli.environ)), unwinding():
            code = _guarded(root, arguments, cli)
    except Terminated as ended:  # while it was ending anyway
        code = ended.exit_code
    _flush()
    return code


def _guarded(root: click.Command, arguments: Sequence[str], cli: CliContext) -> int:
    code: int = ExitCode.ERROR
    try:
        result = root.main(_as_utf8(arguments), prog_name="kt", standalone_mode=False, obj=cli)
        code = result if isinstance(result, int) else ExitCode.DONE
    except KtError as error:
        code = error.exit_code
        cli.console.warn(sentence(error.message, error.hint))
    except click.UsageError as error:
        code = ExitCode.USAGE
        cli.console.warn(usage(error))
    except click.ClickException as error:
        cli.console.warn(sentence(error.format_message(), None))
    except SystemExit:  # how click ends when the reader of a help text has left
        code = ExitCode.DONE
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Terminated as ended:
        code = ended.exit_code
    except MemoryError:
        cli.console.warn(sentence("out of memory", TROUBLES[errno.ENOMEM][1]))
    except Exception as error:  # noqa: BLE001  one line here, the traceback in a file
        cli.console.warn(apology(error, cli))
    finally:
        code = _close(cli, code)
    if cli.console.failure:
        failed = _output_failed(cli)
        code = code or failed
    return code


def _as_utf8(arguments: Sequence[str]) -> list[str]:
    """The arguments read as UTF-8, whatever the locale. Raises UsageError for one that is not."""
    read = []
    for number, argument in enumerate(arguments, 1):
        try:
            read.append(argument.encode(errors="surrogateescape").decode())
        except UnicodeError as error:
            raise UsageError(f"argument {number} is not UTF-8: {visible(argument, 60)}") from error
    return read


def _output_failed(cli: CliContext) -> ExitCode:
    """Report output that could not be written. If an order was sent, the exit code must not be one
    after which a script would simply retry."""
    message = f"the output could not be written: {cli.console.failure}"
    if cli.sent:
        hint = "Do not send it again; `kt order list` shows it."
        cli.console.warn(sentence(f"the order was sent, but {message}", hint))
        return ExitCode.UNKNOWN
    cli.console.warn(sentence(message, None))
    return ExitCode.ERROR


def usage(error: click.UsageError) -> str:
    """A usage error as a message, with the command whose help explains it."""
    message = error.format_message()
    path = error.ctx.command_path if error.ctx else "kt"
    return sentence(message[:1].lower() + message[1:], f"See `{path} --help`.")


def apology(error: Exception, cli: CliContext) -> str:
    """One line for an unexpected exception; the traceback goes to a file of mode 0600. Known
    operating system errors (disk full, out of memory) are no bug: they get their advice only."""
    short = visible(f"{type(error).__name__}: {error}".splitlines()[0], 200)
    if isinstance(error, OSError):
        why, advice = trouble(error)
        short = f"{error.filename}: {why}" if error.filename else why
        if error.errno in TROUBLES:
            return sentence(short, advice)
    try:
        place = _save_traceback(error, cli)
    except OSError as failed:
        return tr(f"kt: unexpected error: {short}. (The traceback could not be kept: {failed})")
    return tr(f"kt: unexpected error, sorry: {short}. The details are in {place}")


def _save_traceback(error: Exception, cli: CliContext) -> str:
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    for name, secret in cli.environ.items():
        if secret and name.endswith("_KEY"):
            text = text.replace(secret, "***")
    handle, place = tempfile.mkstemp(prefix="kt-error-", suffix=".txt")  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return place


def _close(cli: CliContext, code: int) -> int:
    """Record the end of the run and release all resources. A failure here never replaces an
    earlier exit code, and never makes a placed order look like one that was not placed."""
    try:
        cli.close(code)
    except KtError as error:
        cli.console.warn(sentence(error.message, error.hint))
        return code or (ExitCode.DONE if cli.sent or cli.stopped else error.exit_code)
    except Exception as error:  # noqa: BLE001
        cli.console.warn(apology(error, cli))
        return code or ExitCode.ERROR
    return code


def _use_utf8() -> None:
    """Pipes get UTF-8 whatever the locale; terminals replace characters they cannot encode."""
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
    """Let the interpreter exit without an error when the reader of our output has closed it."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
