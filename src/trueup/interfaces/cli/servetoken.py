"""`trueup serve token`: tokens are made, listed, and taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from trueup.interfaces.report.words import visible
from trueup.interfaces.serveinput import ServeOptions, open_store
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.sources.store.store import Token

__all__ = ["ACTIONS", "token"]

ACTIONS = ("upload", "publish", "yank", "close", "delete", "read", "metrics")

_EPILOG = """\b
Examples:
  trueup serve token build --project demo --days 90     uploads and publishes `demo`
  trueup serve token laptop --may read --channel mpi    installs from the private channel `mpi`
  trueup serve token list
  trueup serve token revoke 3
"""


class _Tokens(click.Group):
    """What is no verb is the name of a token to be made: ``token NAME`` is ``token make NAME``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group("token", cls=_Tokens, epilog=_EPILOG)
def token() -> None:
    """Make, list and revoke tokens; `token NAME` makes one."""


@token.command("make")
@click.argument("name")
@click.option("projects", "--project", multiple=True, help="Only this project (default: all).")
@click.option("channels", "--channel", multiple=True, help="Only this channel (default: all).")
@click.option(
    "actions",
    "--may",
    multiple=True,
    type=click.Choice(ACTIONS),
    default=("upload", "publish"),
    show_default=True,
    help="What it allows; `read` is needed where a channel is not public.",
)
@click.option("days", "--days", type=click.FloatRange(min=0.01), help="Days until it expires.")
@click.pass_obj
def make(
    options: ServeOptions,
    name: str,
    projects: tuple[str, ...],
    channels: tuple[str, ...],
    actions: tuple[str, ...],
    days: float | None,
) -> None:
    """Make a token, and print it: this once."""
    from trueup.features.serve.names import channel_names, project_names

    named, limited = project_names(projects), channel_names(channels)
    store = open_store(options)
    from trueup.sources.store.store import Scope

    scope = Scope(
        projects=named or ("*",),
        channels=limited or ("*",),
        actions=actions,
    )
    click.echo(store.make(name, scope, seconds=None if days is None else days * 86400))


@token.command("list")
@click.pass_obj
def show(options: ServeOptions) -> None:
    """List tokens: number, name, what they allow and until when; never the token itself."""
    store = open_store(options)
    rows: list[tuple[str, ...]] = [("number", "name", "may", "projects", "channels", "until")]
    rows += [_row(one) for one in store.all()]
    click.echo("\n".join(_aligned(rows)))


def _row(one: Token) -> tuple[str, ...]:
    until = "it is revoked"
    if one.expires is not None:
        until = f"{datetime.fromtimestamp(one.expires, tz=UTC):%Y-%m-%d %H:%M} UTC"
        if one.expires <= time.time():
            until += " (over)"
    scope = one.scope
    parts = (scope.actions, scope.projects, scope.channels)
    return str(one.id), visible(one.name), *(_words(names) for names in parts), until


def _words(names: Sequence[str]) -> str:
    return "all" if "*" in names else ", ".join(names)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


@token.command("revoke")
@click.argument("numbers", metavar="NUMBER…", nargs=-1, required=True, type=int)
@click.pass_obj
def revoke(options: ServeOptions, numbers: tuple[int, ...]) -> None:
    """Take tokens away, by their NUMBER in the list; who logged in with them is logged out."""
    store = open_store(options)
    names = {one.id: one.name for one in store.all()}
    unknown = sorted(set(numbers) - names.keys())
    if unknown:
        raise UsageError(
            f"there is no token {', '.join(map(str, unknown))}",
            hint="`trueup serve token list` shows their numbers",
        )
    for number in dict.fromkeys(numbers):
        store.revoke(number)
        click.echo(f"revoked {number}: {names[number]}")
