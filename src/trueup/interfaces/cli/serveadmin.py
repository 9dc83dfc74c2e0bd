"""`trueup serve publish`, `fsck`: what is done to an index on its own machine."""

from __future__ import annotations

import sys

import click

from trueup.interfaces.cli.errors import COULD_NOT, FINDINGS, HOLDS
from trueup.interfaces.serveinput import open_desk

__all__ = ["fsck", "publish"]


@click.command("publish")
@click.argument("project")
@click.argument("version")
@click.option("channel", "--channel", default="main", show_default=True, help="Of this channel.")
@click.pass_context
def publish(context: click.Context, project: str, version: str, channel: str) -> None:
    """Make a staged release visible, if its files agree."""
    from trueup.features.serve.names import channel_names

    channel_names([channel])
    desk = open_desk(context.obj)
    done = desk.publish(channel, project, version, who="command line")
    click.echo(f"published {done['project']} {done['version']}")


@click.command("fsck")
@click.option("deep", "--deep", is_flag=True, help="Read every file, and compare its digest.")
@click.option(
    "repair",
    "--repair",
    is_flag=True,
    help="Remove blobs that nothing needs (older than an hour); have what is broken and can be "
    "made or fetched anew made anew.",
)
@click.pass_context
def fsck(context: click.Context, deep: bool, repair: bool) -> None:
    """Compare the database with the blobs: is every file there, and is nothing left over."""
    from trueup.features.serve.fsck import check_store
    from trueup.interfaces.progress import watching

    desk = open_desk(context.obj)
    try:
        with watching(sys.stderr, bar=sys.stderr.isatty(), notes=False) as watcher:
            found = check_store(desk.store, desk.blobs, deep=deep, repair=repair, watcher=watcher)
    finally:
        desk.close()
    for name in found.lost:
        click.echo(f"lost: {name}")
    for name in found.broken:
        click.echo(f"broken: {name}")
    click.echo(f"{len(found.lost)} files lost, {len(found.unused)} blobs that nothing needs")
    if repair:
        click.echo(f"{len(found.removed)} blobs removed ({found.removed_size:,} bytes)")
    fine = not found.lost and (repair or not found.broken)
    context.exit(HOLDS if fine else COULD_NOT if found.lost else FINDINGS)
