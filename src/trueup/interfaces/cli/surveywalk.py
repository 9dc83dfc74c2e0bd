"""`trueup survey walk`: take files in that lie in folders, in a mirror, or in the store of `serve`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.interfaces.cli.errors import FINDINGS, HOLDS
from trueup.interfaces.cli.surveyoptions import local_workers, new_buckets
from trueup.interfaces.progress import watching
from trueup.interfaces.surveyplaces import import_lines, journal_path
from trueup.model.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from trueup.features.survey.walk import Place

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup survey walk dataset /srv/mirror               what bandersnatch wrote
  trueup survey walk dataset export --from team/stable one index of what `devpi-export` wrote
  trueup survey walk dataset --serve /srv/index        what `trueup serve` keeps there

Files that have not changed since the last walk are not read again.
"""


@click.command("walk", epilog=_EPILOG)
@click.argument("dataset")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "store",
    "--serve",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What `trueup serve` keeps in its data FOLDER, instead.",
)
@click.option(
    "channel", "--channel", default="main", show_default=True, help="Of that, this channel."
)
@click.option("index", "--from", metavar="NAME", help="This index of an export of devpi.")
@new_buckets
@local_workers
@click.pass_context
def command(
    context: click.Context,
    dataset: str,
    folder: Path | None,
    store: Path | None,
    channel: str,
    index: str | None,
    buckets: int | None,
    workers: int,
) -> None:
    """Read all wheels and sdists in FOLDER, and below it, into DATASET."""
    if (folder is None) == (store is None):
        raise UsageError(
            "a walk needs a place", expected="a FOLDER of files, or `--serve` with that of an index"
        )
    if folder is not None:
        place, said = _folders(folder, index), f"{folder.resolve()} {index or ''}"
    else:
        assert store is not None
        place, said = _hosted(store, channel), f"serve {store.resolve()} {channel}"
    context.exit(_walk(dataset, place, said, buckets, workers))


def _walk(dataset: str, place: Place, said: str, buckets: int | None, workers: int) -> int:
    from trueup.features.survey.imports import Imports, dataset_buckets
    from trueup.features.survey.walk import walk
    from trueup.sources.crawl.journal import Journal
    from trueup.sources.dataset import open_dataset
    from trueup.sources.executor import Here, open_executor

    count = dataset_buckets(dataset, buckets)
    found = open_dataset(dataset)
    with (
        watching(sys.stderr, bar=sys.stderr.isatty(), notes=False) as watcher,
        Journal(journal_path(found, said), manner="walk", kind="walk") as journal,
        open_executor(workers) as executor,
    ):
        imports = Imports(found, journal, Here(), buckets=count, about={"folder": said.strip()})
        walked = walk(place, journal, executor, imports, watcher=watcher)
    tally = walked.tally
    first = f"{tally.wanted:,} projects: {tally.read:,} read, {tally.same:,} as they were"
    click.echo("\n".join([first, *import_lines(walked.written, walked.problems)]))
    unread = walked.problems or any(written.unread for _, written in walked.written)
    return FINDINGS if unread else HOLDS


def _folders(folder: Path, index: str | None) -> Place:
    from trueup.features.survey.walk import Folders
    from trueup.sources.collected import collect

    return Folders(collect(folder, index=index))


def _hosted(folder: Path, channel: str) -> Place:
    from trueup.interfaces.serveconfig import read_options
    from trueup.interfaces.serveinput import open_store

    options = read_options({"data": str(folder)}, environ=os.environ)
    if options.database is None and not (folder / "index.db").is_file():
        raise NotFoundError(
            "holds no index of `trueup serve`", expected="`index.db`", place=(str(folder),)
        )
    store = open_store(options)
    from trueup.features.survey.hosted import Hosted
    from trueup.sources.store.blobs import open_blobs

    return Hosted(store, open_blobs(options.blobs or str(folder / "blobs"), folder), channel)
