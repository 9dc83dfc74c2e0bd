"""`trueup survey audit`: judge the buckets of a dataset, here, in processes, or one share of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.interfaces.cli.surveyoptions import local_workers
from trueup.interfaces.progress import watching
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.features.survey.audit import Summary
    from trueup.features.survey.run import Shard

__all__ = ["command"]

_MEMORY = re.compile(r"\d+ ?[KMG]i?B", re.ASCII)


@click.command("audit")
@click.argument("dataset")
@local_workers
@click.option(
    "scheduler",
    "--scheduler",
    metavar="ADDRESS",
    envvar="DASK_SCHEDULER_ADDRESS",
    show_envvar=True,
    help="Workers of this Dask cluster, such as `tcp://host:8786`; they must see DATASET, too.",
)
@click.option("shard", "--shard", metavar="K/N", help="Only the K-th of N shares of the buckets.")
@click.option(
    "memory", "--memory", metavar="SIZE", help="Limit of each worker's tables, such as `512MB`."
)
def command(
    dataset: str, workers: int, scheduler: str | None, shard: str | None, memory: str | None
) -> None:
    """Judge every release of DATASET. What was judged before and has not changed is kept."""
    from trueup.features.survey.run import manifest_of, run_audit
    from trueup.sources.dataset import open_dataset
    from trueup.sources.executor import open_executor

    if memory is not None and not _MEMORY.fullmatch(memory):
        raise UsageError("`--memory`", found=f"`{memory}`", expected="a size such as `512MB`")
    if scheduler is not None and "://" not in dataset:
        # Workers have a working directory of their own.
        dataset = str(Path(dataset).resolve())
    found = open_dataset(dataset)
    share = _shard(shard)
    total = len(share.buckets(manifest_of(found).buckets))
    summaries = []
    with (
        watching(sys.stderr, bar=sys.stderr.isatty(), notes=False) as watcher,
        open_executor(workers, scheduler=scheduler) as executor,
    ):
        watcher.expect(total)
        for summary in run_audit(found, executor, shard=share, memory=memory):
            summaries.append(summary)
            watcher.done(f"bucket {summary.bucket}")
    click.echo(_words(summaries))


def _shard(text: str | None) -> Shard:
    from trueup.features.survey.run import Shard

    if text is None:
        return Shard()
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError("`--shard`", found=f"`{text}`", expected="`K/N` with K from 1 to N")
    return Shard(number=int(match[1]), of=int(match[2]))


def _words(summaries: Iterable[Summary]) -> str:
    found = list(summaries)
    done = [one for one in found if one.fresh]
    passes, model, results = (
        sum(getattr(one, f"seconds_{name}") for one in done)
        for name in ("passes", "model", "results")
    )
    lines = [
        f"{sum(one.rows for one in found):,} rows of {sum(one.releases for one in found):,} releases"
        f" in {len(found):,} buckets, {len(found) - len(done):,} of them as they were",
        f"{sum(one.differing for one in found):,} releases differ as written: "
        f"{sum(one.judged for one in found):,} judged, "
        f"{sum(one.looked_up for one in found):,} like one that was",
        f"processor seconds: {passes:.1f} to find them, {model:.1f} to judge them, "
        f"{results:.1f} to write the results",
    ]
    return "\n".join(lines)
