"""The recorded releases in `tests/cases/corpus`, as releases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.model.artifact import Artifact, parse_filename
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.release import How, Reading, Release, ReleaseFile

FOLDER = Path(__file__).parent / "cases" / "corpus"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.json") if path.stem != "labels"))
INDEX = "https://index.test/simple/"


@cache
def recorded(name: str) -> dict[str, Any]:
    """The JSON of one recorded release."""
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return document


@cache
def labels() -> dict[str, dict[str, Any]]:
    """What an independent program concluded about each release."""
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / "labels.json").read_text("utf-8"))
    return found


def release(name: str) -> Release:
    """One recorded release."""
    return release_of(recorded(name))


def release_of(document: Mapping[str, Any]) -> Release:
    """A release from parsed JSON; each distinct metadata text is parsed once."""
    texts: dict[str, Metadata | Unreadable] = {
        key: parse_metadata(text.encode(), digest=key) for key, text in document["metadata"].items()
    }
    missing = Unreadable(reason="was not recorded")
    return Release(
        project=canonicalize_name(document["project"]),
        version=Version(document["version"]),
        files=tuple(
            ReleaseFile(
                artifact=_artifact(item, document["project"]),
                reading=Reading(
                    metadata=texts.get(item.get("metadata") or "", missing),
                    how=How.SIDECAR if "metadata" in item else How.NOT_READ,
                    verified="metadata" in item,
                ),
            )
            for item in document["files"]
        ),
        origin=INDEX,
    )


def _artifact(item: Mapping[str, Any], project: str) -> Artifact:
    return Artifact(
        filename=item["filename"],
        url=f"{INDEX}{item['filename']}",
        name=parse_filename(item["filename"], project),
        size=item["size"],
        hashes={"sha256": item["sha256"]},
        upload_time=datetime.fromisoformat(item["upload_time"]) if item["upload_time"] else None,
        index_requires_python=item["index_requires_python"],
        yanked="" if item["yanked"] is True else item["yanked"] or None,
    )
