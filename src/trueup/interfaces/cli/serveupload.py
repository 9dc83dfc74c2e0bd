"""`trueup serve upload`: a dist folder goes to an index in a publishing session."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.interfaces.cli.errors import FINDINGS, HOLDS, error_text
from trueup.interfaces.report.words import visible
from trueup.model.errors import TrueupError, UsageError

if TYPE_CHECKING:
    from trueup.features.upload import SentFile, SentRelease

__all__ = ["upload"]

_EPILOG = """\b
Examples:
  trueup serve upload dist/ --to https://index.test/             try it from the address that is told
  trueup serve upload dist/ --to https://index.test/ --publish   and show it, if its files agree
  trueup serve upload dist/ --to https://index.test/c/mpi/       in a channel

\b
The index runs with `trueup serve --sessions`. The token is in TRUEUP_SERVE_TOKEN.
"""


@click.command("upload", epilog=_EPILOG)
@click.argument(
    "places",
    nargs=-1,
    required=True,
    metavar="DIST...",
    type=click.Path(path_type=Path, exists=True),
)
@click.option(
    "address", "--to", metavar="URL", required=True, help="The index, or a channel of it."
)
@click.option(
    "token",
    "--token",
    envvar="TRUEUP_SERVE_TOKEN",
    metavar="TEXT",
    help="Better in the environment, where other users do not see it.",
)
@click.option("publish", "--publish", is_flag=True, help="Show the release when all is there.")
@click.pass_context
def upload(
    context: click.Context, places: tuple[Path, ...], address: str, token: str | None, publish: bool
) -> None:
    """Upload wheels and sdists in a publishing session (PEP 694, a draft).

    Every finding is told, nothing is visible before it is published. A session that the release
    has is continued: files of the same name are replaced.
    """
    from trueup.features import upload as feature
    from trueup.interfaces.progress import watching
    from trueup.sources.uploadindex import UploadIndex

    if not token:
        raise UsageError("a token is needed", hint="`TRUEUP_SERVE_TOKEN` or `--token` has it")
    paths = feature.found_files(places)
    with (
        UploadIndex(address, token, environ=os.environ) as index,
        watching(sys.stderr, bar=sys.stderr.isatty(), notes=False) as watcher,
    ):
        sent = feature.upload(paths, index, publish=publish, watcher=watcher)
    for release in sent:
        _tell(release, published=publish)
    context.exit(HOLDS if all(one.holds for one in sent) else FINDINGS)


def _tell(release: SentRelease, *, published: bool) -> None:
    name = f"{release.project} {release.version}"
    session = release.session
    until = session.expires if session is not None and not release.published else None
    click.echo(name if until is None else f"{name}, until {until:%Y-%m-%d %H:%M} UTC")
    for file in release.files:
        _tell_file(file, sent=session is not None)
    for notice in session.notices if session is not None else ():
        click.echo(f"  {visible(notice)}")
    if release.published:
        click.echo("  published")
    elif session is not None:
        if session.links.stage is not None:
            stage = visible(session.links.stage)
            click.echo(f"  try it:  pip install --extra-index-url {stage} {release.project}")
        if published:
            click.echo("  not published")
    if release.error is not None:
        _tell_error(release.error)


def _tell_file(file: SentFile, *, sent: bool) -> None:
    if file.error is not None:
        click.echo(f"  {file.path.name}: refused")
        _tell_error(file.error)
        return
    click.echo(f"  {file.path.name}" + ("" if sent else ": not sent"))
    for notice in file.notices:
        click.echo(f"    {visible(notice)}")


def _tell_error(error: TrueupError) -> None:
    # What the index says is not ours.
    lines = "\n".join(visible(line) for line in error_text(error).splitlines())
    click.echo(f"\n{lines}\n", err=True)
