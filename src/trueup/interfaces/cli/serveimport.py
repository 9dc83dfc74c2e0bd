"""`trueup serve import`: releases of another index, from a folder."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.interfaces.cli.errors import FINDINGS, HOLDS
from trueup.interfaces.report.words import count, visible
from trueup.interfaces.serveinput import ServeOptions, open_desk

if TYPE_CHECKING:
    from trueup.features.serve.importing import ImportedRelease

__all__ = ["bring"]

_EPILOG = """\b
Examples:
  trueup serve import /srv/packages                      a folder, such as pypiserver has
  trueup serve import export --from team/stable          one index of what `devpi-export` wrote
  trueup serve import /srv/mirror --channel public       what bandersnatch wrote
  trueup serve import dist --dry-run                     say what would be done
"""


@click.command("import", epilog=_EPILOG)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("channel", "--channel", default="main", show_default=True, help="Into this channel.")
@click.option("dry_run", "--dry-run", is_flag=True, help="Judge everything, and take nothing.")
@click.option("index", "--from", metavar="NAME", help="This index of an export of devpi.")
@click.option(
    "by_time",
    "--by-time",
    is_flag=True,
    help="Files of which nobody says when they were uploaded: when they were changed last.",
)
@click.option("quiet", "--quiet", is_flag=True, help="Only what was not taken, and the numbers.")
@click.pass_context
def bring(
    context: click.Context,
    folder: Path,
    channel: str,
    dry_run: bool,
    index: str | None,
    by_time: bool,
    quiet: bool,
) -> None:
    """Take the releases of another index over from FOLDER; again: only what is not there yet."""
    from trueup.features.serve.names import channel_names

    options: ServeOptions = context.obj
    # No address reaches another one.
    channel_names([channel])
    desk = open_desk(options)
    from trueup.features.serve.importing import import_releases
    from trueup.interfaces.progress import watching
    from trueup.sources.collected import collect

    states: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    whole = True
    try:
        found = collect(folder, index=index, by_time=by_time)
        with watching(sys.stderr, bar=sys.stderr.isatty(), notes=False) as watcher:
            for one in import_releases(
                desk, channel, found.files, rehearse=dry_run, watcher=watcher
            ):
                states[one.state.value if one.state is not None else "refused"] += 1
                outcomes.update(one.counts())
                whole = whole and one.whole
                _say(one, dry_run=dry_run, quiet=quiet)
    finally:
        desk.close()
    for other in found.left_out:
        click.echo(f"left out: {visible(other.name)}: {visible(other.reason)}")
    files = ", ".join(f"{number:,} {words}" for words, number in outcomes.items())
    click.echo(
        f"{found.kind.value} with {count(sum(states.values()), 'release')}"
        f" ({', '.join(f'{number:,} {words}' for words, number in states.items()) or 'nothing'});"
        f" files: {files or 'none'}, {len(found.left_out):,} left out"
        + ("; nothing was done" if dry_run else "")
    )
    context.exit(HOLDS if whole and not found.left_out else FINDINGS)


def _say(release: ImportedRelease, *, dry_run: bool, quiet: bool) -> None:
    from trueup.features.serve.importing import Outcome

    if quiet and release.whole:
        return
    state = release.state.value if release.state is not None else "refused"
    taken = release.counts().get(Outcome.TAKEN, 0)
    words = "would be " if dry_run and release.changed else ""
    click.echo(
        f"{release.project} {release.version}: {words}{state}, "
        f"{taken} of {count(len(release.files), 'file')} taken"
        + (f"; not shown: {visible(release.reason)}" if release.reason else "")
    )
    for file in release.files:
        if file.reason is not None:
            click.echo(f"  {file.outcome.value}: {visible(file.filename)}: {visible(file.reason)}")
