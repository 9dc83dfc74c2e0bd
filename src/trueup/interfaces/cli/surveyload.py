"""`trueup survey load`: take an export of the public distribution-metadata table in."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from trueup.interfaces.cli.surveyoptions import local_workers, new_buckets
from trueup.interfaces.progress import watching
from trueup.model.errors import UsageError

__all__ = ["command"]


@click.command("load")
@click.argument("dataset")
@click.argument(
    "exports",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE…",
)
@new_buckets
@local_workers
@click.option("memory", "--memory", metavar="SIZE", help="Limit of the tables, such as `512MB`.")
def command(
    dataset: str, exports: tuple[Path, ...], buckets: int | None, workers: int, memory: str | None
) -> None:
    """Add Parquet FILEs of the public distribution-metadata table, or folders of them, to DATASET."""
    from trueup.features.survey.load import load
    from trueup.features.survey.run import start_dataset
    from trueup.sources.dataset import open_dataset
    from trueup.sources.executor import open_executor

    paths = _files(exports)
    found = open_dataset(dataset)
    manifest = start_dataset(found, buckets)
    origin = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-bulk"
    with watching(sys.stderr, bar=False, notes=False), open_executor(workers) as executor:
        loaded = load(
            found, paths, executor, origin=origin, buckets=manifest.buckets, memory=memory
        )
    click.echo(
        f"{loaded.rows:,} rows of {len(paths):,} files; {loaded.duplicates:,} stood there twice, "
        f"{loaded.nameless:,} have no name"
    )
    click.echo(f"{loaded.release_level:,} were copied from their release: they cannot be audited")
    click.echo(f"not in the export, so not known: {', '.join(loaded.missing)}")


def _files(exports: tuple[Path, ...]) -> list[Path]:
    found = []
    for path in exports:
        inside = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not inside:
            raise UsageError(f"`{path}` has no `.parquet` file")
        found += inside
    return found
