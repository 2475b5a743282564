"""Help in the language in use. Completions and generated pages read the English texts."""

from __future__ import annotations

import inspect
import re

import click

from kt.translation import tr

_WIDE = re.compile(
    r"[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]"
)
_FILL = "\ue000"
"""Stands behind each wide letter while click wraps lines by the number of letters."""


def wide(text: str) -> str:
    """The text in the language in use, prepared for click's wrapping."""
    return _WIDE.sub(rf"\g<0>{_FILL}", tr(text))


def narrow(text: str) -> str:
    """The wrapped text without what `wide` put in."""
    return text.replace(_FILL, "")


def described(text: str) -> str:
    """An option's help: the text, and what click adds to it in brackets."""
    body, gap, extra = text.partition("  [")
    notes = "; ".join(
        ": ".join(map(tr, note.split(": ", 1))) for note in extra.removesuffix("]").split("; ")
    )
    return wide(body) + (f"{gap}{wide(notes)}]" if gap else "")


class HelpInLanguage(click.Command):
    """A command whose help is shown in the language in use."""

    def get_help(self, ctx: click.Context) -> str:
        return narrow(super().get_help(ctx))

    def get_usage(self, ctx: click.Context) -> str:
        return narrow(super().get_usage(ctx))

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=f"{wide('Usage:')} ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._write(inspect.cleandoc(self.help or ""), formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._write(inspect.cleandoc(self.epilog or ""), formatter)

    def _write(self, text: str, formatter: click.HelpFormatter) -> None:
        if text:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(wide(text))
