"""`trueup serve token`, `publish`, `fsck`: what is done to an index on its own machine."""

from __future__ import annotations

import click

from trueup.interfaces.cli.errors import COULD_NOT, HOLDS
from trueup.interfaces.serveinput import ServeOptions, open_desk, open_store

__all__ = ["fsck", "publish", "token"]


@click.command("token")
@click.argument("name")
@click.option("projects", "--project", multiple=True, help="Only this project (default: all).")
@click.option("channels", "--channel", multiple=True, help="Only this channel (default: all).")
@click.option(
    "actions",
    "--may",
    multiple=True,
    type=click.Choice(("upload", "publish", "yank", "close", "delete", "metrics")),
    default=("upload", "publish"),
    show_default=True,
    help="What it allows.",
)
@click.option("days", "--days", type=click.FloatRange(min=0.01), help="Days until it expires.")
@click.pass_obj
def token(
    options: ServeOptions,
    name: str,
    projects: tuple[str, ...],
    channels: tuple[str, ...],
    actions: tuple[str, ...],
    days: float | None,
) -> None:
    """Make a token, and print it: this once."""
    from packaging.utils import canonicalize_name

    store = open_store(options)
    from trueup.sources.store.store import Scope

    scope = Scope(
        projects=tuple(map(canonicalize_name, projects)) or ("*",),
        channels=channels or ("*",),
        actions=actions,
    )
    click.echo(store.make(name, scope, seconds=None if days is None else days * 86400))


@click.command("publish")
@click.argument("project")
@click.argument("version")
@click.option("channel", "--channel", default="main", show_default=True, help="Of this channel.")
@click.pass_context
def publish(context: click.Context, project: str, version: str, channel: str) -> None:
    """Make a staged release visible, if its files agree."""
    desk = open_desk(context.obj)
    done = desk.publish(channel, project, version, who="command line")
    click.echo(f"published {done['project']} {done['version']}")


@click.command("fsck")
@click.pass_context
def fsck(context: click.Context) -> None:
    """Compare the database with the blobs: is every file there, and is nothing left over."""
    from trueup.features.serve.fsck import check_store

    desk = open_desk(context.obj)
    lost, unused = check_store(desk.store, desk.blobs)
    for name in lost:
        click.echo(f"lost: {name}")
    click.echo(f"{len(lost)} files lost, {len(unused)} blobs that nothing needs")
    context.exit(COULD_NOT if lost else HOLDS)
