"""Takes differences that a survey found, downloads two of the wheels, unzips them, and looks.

`python -m tests.live.survey_confirm DATASET [--without PROJECT …]` draws up to 30 pairs of groups of
wheels that say different things in a field (seed 1), takes one wheel of each group, and reads METADATA
with `zipfile` and `email` alone. Printed is a row for each; the exit code is 1 if one shows no
difference. Projects whose wheels have hundreds of megabytes can be left out.
"""

from __future__ import annotations

import argparse
import email
import os
import random
import sys
import zipfile
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.survey.ask import open_results
from trueup.sources.config import index_config
from trueup.sources.dataset import open_dataset
from trueup.sources.index import IndexSource, open_index

_COUNT = 30
_SQL = """
    SELECT project, version, field, list(variants.files ORDER BY variants.files) AS groups
    FROM variants JOIN releases USING (project, version)
    WHERE class IN ('uniform', 'mergeable', 'irreconcilable')
    GROUP BY ALL ORDER BY ALL
"""


def lines_of(path: Path, field: str) -> set[str]:
    """The values of a field of a wheel, as they stand there."""
    with zipfile.ZipFile(path) as wheel:
        (name,) = (
            name
            for name in wheel.namelist()
            if name.endswith(".dist-info/METADATA") and name.count("/") == 1
        )
        message = email.message_from_bytes(wheel.read(name))
    return set(message.get_all(field) or ())


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pair:
    """Two groups of wheels of a release that say different things in a field."""

    project: str
    version: str
    field: str
    groups: tuple[tuple[str, ...], tuple[str, ...]]


def confirm(source: IndexSource, pair: Pair) -> str | None:
    """A row for a pair; None if the files say the same after all."""
    listing = source.listing(NormalizedName(pair.project)).of_version(Version(pair.version))
    wheels = {file.filename: file for file in listing if file.is_wheel}
    chosen = [
        next((wheels[name] for name in group if name in wheels), None) for group in pair.groups
    ]
    with TemporaryDirectory(prefix="trueup-confirm-") as folder:
        said = [
            lines_of(source.download(file, Path(folder)), pair.field)
            for file in chosen
            if file is not None
        ]
    title = f"{pair.project} {pair.version}"
    if len(said) < 2:
        return f"| {title} | {pair.field} | a wheel is not there any more | |"
    only = [sorted(said[0] - said[1])[:1], sorted(said[1] - said[0])[:1]]
    if not any(only):
        return None
    cells = ["<br>".join(f"`{line}`" for line in lines) or "nothing more" for lines in only]
    names = "<br>".join(file.filename.split("-", 2)[2] for file in chosen if file is not None)
    return f"| {title} | {pair.field} | {names} | {'<br>'.join(cells)} |"


def _wheels(names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".whl")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--without", nargs="*", default=[])
    options = parser.parse_args()
    with open_results(open_dataset(options.dataset)) as results:
        found = results.ask(_SQL).rows
    pairs = [
        Pair(project=project, version=version, field=field, groups=(tuple(one), tuple(other)))
        for project, version, field, groups in found
        if project not in options.without
        for one, other in combinations(filter(None, map(_wheels, groups)), 2)
    ]
    drawn = sorted(random.Random(1).sample(pairs, min(_COUNT, len(pairs))))
    wrong = 0
    config = index_config((), environ=os.environ, directory=Path.cwd())
    with open_index(config, environ=os.environ) as source:
        for pair in drawn:
            row = confirm(source, pair)
            wrong += row is None
            print(row or f"| {pair.project} {pair.version} | **no difference** | | |", flush=True)
    print(f"{len(drawn) - wrong} of {len(drawn)} confirmed, of {len(pairs)}", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
