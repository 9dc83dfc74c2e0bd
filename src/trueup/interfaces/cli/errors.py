"""Errors as words, and exit codes."""

from __future__ import annotations

import click

from trueup.model.errors import TrueupError

__all__ = ["COULD_NOT", "FINDINGS", "HOLDS", "error_text"]

HOLDS = 0
FINDINGS = 1
COULD_NOT = 2


def error_text(error: Exception) -> str:
    """``error: what``, and after a blank line ``hint: what to do`` where the error knows it."""
    hint = None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    if isinstance(error, TrueupError):
        text, hint = str(error), error.hint
    elif isinstance(error, click.UsageError):
        text = _plain(error.format_message())
        if error.ctx is not None:
            hint = f"`{error.ctx.command_path} --help` shows what there is"
    elif isinstance(error, click.ClickException):
        text = _plain(error.format_message())
    elif isinstance(error, OSError):
        text = error.strerror or str(error)
        if error.filename is not None:
            text = f"`{error.filename}`: {text}"
    else:
        text = str(error) or type(error).__name__
    return f"error: {text}" if hint is None else f"error: {text}\n\nhint: {hint}"


def _plain(message: str) -> str:
    """click ends its sentences with a period; ours have none, and quote with backticks."""
    return message.removesuffix(".").replace("'", "`")
