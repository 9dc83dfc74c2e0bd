"""Where surveys keep their journals, and what they say of what they took in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.features.survey.imports import Problem
    from trueup.sources.crawl.records import Written
    from trueup.sources.dataset import Dataset

__all__ = ["import_lines", "journal_path"]

_SHOWN = 10


def journal_path(dataset: Dataset, source: str) -> Path:
    """Beside the parts, or in the user's cache if they are not in a folder; one for each source."""
    from trueup.sources.cache import cache_folder
    from trueup.sources.dataset import FolderDataset

    if isinstance(dataset, FolderDataset):
        folder = dataset.folder
    else:
        folder, source = cache_folder(os.environ), f"{dataset.where} {source}"
    return folder / "crawl" / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.sqlite3"


def import_lines(imports: Sequence[tuple[str, Written]], problems: Sequence[Problem]) -> list[str]:
    """A line for each import, and for each of the first problems."""
    lines = []
    for origin, written in imports:
        if not written.rows:
            continue
        sources = dict(written.sources)
        idle = sources.pop("unread", 0) - written.unread
        parts = [
            f"{count:,} from {words}" for name, words in _SOURCES if (count := sources.get(name))
        ]
        parts += [f"{idle:,} with nothing to compare"] if idle else []
        parts += [f"{written.unread:,} unread"] if written.unread else []
        lines.append(
            f"{origin}: {written.rows:,} files of {written.projects:,} projects: {', '.join(parts)}"
        )
    lines += [f"{outcome}: {name}: {problem}" for name, outcome, problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        more = len(problems) - _SHOWN
        lines.append(f"and {more:,} more, named in `imports/{imports[-1][0]}.json`")
    return lines


_SOURCES = (("archive", "the file itself"), ("sidecar", "the sidecar or its digest"))
