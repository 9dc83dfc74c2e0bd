"""The releases of the survey in `docs/explanation/survey-2026.md`, one `NAME==VERSION` in each line.

`python -m tests.live.survey_names > names.txt` asks the configured index for the projects of the
recorded corpus. Of each it names the newest release with a wheel, and an old one: the one in the
middle of all its final releases with wheels, from the lowest version to the highest. Not by date: an
index need not say when a file came.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from tests.corpus import NAMES, recorded
from trueup.model.artifact import Artifact
from trueup.model.errors import TrueupError
from trueup.sources.config import index_config
from trueup.sources.index import open_index


def old_and_new(versions: dict[Version, Sequence[Artifact]]) -> list[Version]:
    """The two releases of a project, one where it has no other."""
    finals = sorted(
        version
        for version, files in versions.items()
        if any(file.is_wheel for file in files) and not version.is_prerelease
    )
    return list(dict.fromkeys([*finals[len(finals) // 2 :][:1], *finals[-1:]]))


def main() -> None:
    projects = sorted({NormalizedName(recorded(name)["project"].lower()) for name in NAMES})
    with open_index(
        index_config((), environ=os.environ, directory=Path.cwd()), environ=os.environ
    ) as source:
        for project in projects:
            try:
                versions = dict(source.listing(project).by_version())
            except TrueupError as error:
                print(f"{project}: {error}", file=sys.stderr)
                continue
            for version in old_and_new(versions):
                print(f"{project}=={version}")


if __name__ == "__main__":
    main()
