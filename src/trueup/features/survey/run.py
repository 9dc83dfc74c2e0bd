"""All buckets of a dataset, judged wherever there is an executor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass

from trueup.features.survey.audit import Summary, audit
from trueup.model.errors import SourceError, UsageError
from trueup.sources.dataset import Dataset

__all__ = ["Manifest", "Shard", "manifest_of", "run_audit", "start_dataset"]

_MANIFEST = "survey.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What all parts of a dataset have in common."""

    format: int = _FORMAT
    buckets: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of ``of`` machines that share the buckets without knowing of each other; from 1 on."""

    number: int = 1
    of: int = 1

    def buckets(self, count: int) -> range:
        """The buckets of this shard."""
        return range(self.number - 1, count, self.of)


def manifest_of(dataset: Dataset) -> Manifest:
    """The manifest of a dataset; raises SourceError if there is none, or one of another format."""
    data = dataset.read(_MANIFEST)
    if data is None:
        raise SourceError(
            "is no dataset of a survey",
            expected=f"`{_MANIFEST}` in it",
            hint="`trueup survey crawl` and `trueup survey load` make one",
            place=(dataset.where,),
        )
    try:
        found = Manifest(**json.loads(data))
    except (ValueError, TypeError) as error:
        raise SourceError("cannot be read", place=(dataset.where, _MANIFEST)) from error
    if found.format != _FORMAT:
        raise SourceError(
            "was written by another version of trueup",
            found=f"format {found.format}",
            expected=f"format {_FORMAT}",
            place=(dataset.where, _MANIFEST),
        )
    return found


def start_dataset(dataset: Dataset, buckets: int | None = None) -> Manifest:
    """The manifest, written now if there is none; raises UsageError for another number of buckets."""
    if dataset.read(_MANIFEST) is None:
        found = Manifest() if buckets is None else Manifest(buckets=buckets)
        text = json.dumps({"format": found.format, "buckets": found.buckets})
        dataset.write(_MANIFEST, text.encode())
        return found
    found = manifest_of(dataset)
    if buckets not in (None, found.buckets):
        raise UsageError(
            f"`{dataset.where}` has {found.buckets} buckets, and that cannot be changed",
            found=f"{buckets}",
        )
    return found


def run_audit(
    dataset: Dataset, executor: Executor, *, shard: Shard = Shard(), memory: str | None = None
) -> Iterator[Summary]:
    """Judge the buckets of a shard; summaries come as buckets are done.

    ``memory`` is the limit of each unit. Raises SourceError for a part that cannot be read, after
    the other buckets are done.
    """
    buckets = shard.buckets(manifest_of(dataset).buckets)
    futures: list[Future[Summary]] = [
        executor.submit(audit, dataset.where, bucket, memory=memory) for bucket in buckets
    ]
    failed: Exception | None = None
    for future in as_completed(futures):
        error = future.exception()
        if error is None:
            yield future.result()
        elif isinstance(error, Exception):
            failed = failed or error
    if failed is not None:
        raise failed
