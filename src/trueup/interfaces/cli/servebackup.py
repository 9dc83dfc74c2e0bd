"""`trueup serve backup`, `restore`: an index in a folder, and back."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trueup.interfaces.cli.errors import FINDINGS, HOLDS
from trueup.interfaces.serveinput import ServeOptions, open_desk

__all__ = ["backup", "restore"]

_BACKUP = """\b
Examples:
  trueup serve --data index backup /backup/index        while it runs; again: only what is new
  trueup serve --data again restore /backup/index       an index as it was then
"""


@click.command("backup", epilog=_BACKUP)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "link",
    "--link",
    is_flag=True,
    help="Files on the same disk are shared with the index, not copied.",
)
@click.option(
    "prune", "--prune", is_flag=True, help="Remove files that only backups before this one had."
)
@click.pass_context
def backup(context: click.Context, folder: Path, link: bool, prune: bool) -> None:
    """Copy the index into FOLDER while it runs: its database, and the files that are new there."""
    from trueup.features.serve.backup import back_up
    from trueup.interfaces.progress import watching

    options: ServeOptions = context.obj
    desk = open_desk(options)
    try:
        with watching(sys.stderr, bar=sys.stderr.isatty(), notes=False) as watcher:
            done = back_up(desk.store, desk.blobs, folder, link=link, prune=prune, watcher=watcher)
    finally:
        desk.close()
    for name in done.lost:
        click.echo(f"lost: {name}")
    removed = f", {done.removed:,} removed" if done.removed else ""
    click.echo(
        f"{done.files:,} files, {done.copied:,} of them new ({done.copied_size:,} bytes){removed}"
    )
    context.exit(FINDINGS if done.lost else HOLDS)


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "partly", "--partly", is_flag=True, help="Also if files are missing or damaged in FOLDER."
)
@click.pass_context
def restore(context: click.Context, folder: Path, partly: bool) -> None:
    """Make an empty index what the backup in FOLDER is; every file is compared with its digest."""
    from trueup.features.serve.backup import restore_from
    from trueup.features.serve.fsck import check_store
    from trueup.interfaces.progress import watching

    options: ServeOptions = context.obj
    desk = open_desk(options)
    try:
        with watching(sys.stderr, bar=sys.stderr.isatty(), notes=False) as watcher:
            done = restore_from(folder, desk.store, desk.blobs, partly=partly, watcher=watcher)
        lost = check_store(desk.store, desk.blobs)[0]
    finally:
        desk.close()
    for name in lost:
        click.echo(f"lost: {name}")
    click.echo(f"restored {done.files:,} files, as of {done.made}; {len(lost)} files lost")
    context.exit(FINDINGS if lost else HOLDS)
