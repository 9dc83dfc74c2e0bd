"""A proof as a document: what was built, under what, and what came of it; written and read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.model.errors import SourceError
from trueup.model.metadata import Metadata, Unreadable, title
from trueup.model.proof import FieldProof, Proof, Run, Saying, Standing
from trueup.sources.output import write_atomically

__all__ = [
    "SCHEMA",
    "RecordedProof",
    "parse_proof",
    "proof_document",
    "read_proof",
    "write_proof",
]

SCHEMA = "trueup.proof/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedProof:
    """What a recorded proof vouches for: this very sdist gives one of these lists.

    ``requires_dist`` holds the distinct lists that real (not simulated) builds gave, each as
    written; ``may_add`` what any of them adds to PKG-INFO. ``holds`` is the verdict; ``declared``
    names the fields that vary, as the sdist declares.
    """

    project: str
    version: str
    sha256: str | None
    holds: bool
    requires_dist: tuple[tuple[str, ...], ...]
    may_add: tuple[str, ...]
    declared: tuple[str, ...] = ()


def proof_document(proof: Proof, *, tool_version: str) -> dict[str, Any]:
    """The proof as JSON values, described in `docs/reference/prove-record.md`."""
    beginning = proof.beginning
    pkg_info = beginning.pkg_info
    return {
        "schema": SCHEMA,
        "tool": {"name": "trueup", "version": tool_version},
        "project": beginning.project,
        "version": beginning.version,
        "holds": proof.holds,
        "sdist": {
            "filename": beginning.filename,
            "sha256": beginning.sha256,
            "pkg-info": {"unread": pkg_info.reason}
            if isinstance(pkg_info, Unreadable)
            else _metadata(pkg_info),
        },
        "sandbox": proof.mechanism,
        "fields": [_field(field) for field in proof.fields],
        "may-add": list(proof.may_add),
        "culprits": [
            {
                "field": title(one.field),
                "file": one.file,
                "line": one.line,
                "text": one.text,
                "reason": one.reason,
            }
            for one in proof.culprits
        ],
        "wheels": [
            {
                "filename": one.filename,
                "nearest": one.label,
                "unread": one.unread,
                "differences": [
                    {
                        "field": title(item.field),
                        "more": list(item.added),
                        "without": list(item.missing),
                    }
                    for item in one.differences
                ],
            }
            for one in proof.comparisons
        ],
        "runs": [_run(run) for run in proof.runs],
    }


def write_proof(path: Path, proof: Proof, *, tool_version: str) -> None:
    """Write the document in one step; raises SourceError if that cannot be done."""
    text = json.dumps(proof_document(proof, tool_version=tool_version), indent=2) + "\n"
    write_atomically(path, text)


def read_proof(path: Path) -> RecordedProof:
    """Read what a document vouches for; raises SourceError for one that is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    return parse_proof(data, place=str(path))


def parse_proof(data: bytes, *, place: str) -> RecordedProof:
    """What the bytes of a document vouch for; raises SourceError for one that is none."""
    try:
        document = json.loads(data)
        if document["schema"] != SCHEMA:
            raise SourceError(
                "is no proof that is understood",
                found=f"`{document['schema']}`",
                expected=f"`{SCHEMA}`",
                place=(place,),
            )
        sha256 = document["sdist"]["sha256"]
        return RecordedProof(
            project=str(document["project"]),
            version=str(document["version"]),
            sha256=None if sha256 is None else str(sha256),
            holds=document["holds"] is True,
            requires_dist=tuple(dict.fromkeys(_lists(document["runs"]))),
            may_add=tuple(map(str, document["may-add"])),
            declared=tuple(
                str(one["field"])
                for one in document["fields"]
                if one["verdict"] == Standing.DECLARED.value
            ),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(f"is no proof: {error}", place=(place,)) from error


def _lists(runs: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, ...]]:
    for run in runs:
        if run["metadata"] is not None and not run["condition"]["simulated"]:
            yield tuple(map(str, run["metadata"]["requires-dist"]))


def _metadata(metadata: Metadata) -> dict[str, Any]:
    return {
        "sha256": metadata.digest,
        "metadata-version": metadata.first("metadata-version"),
        "dynamic": sorted(metadata.dynamic),
        "requires-python": metadata.first("requires-python"),
        "requires-dist": list(metadata.fields.get("requires-dist", ())),
        "provides-extra": list(metadata.fields.get("provides-extra", ())),
    }


def _field(field: FieldProof) -> dict[str, Any]:
    return {
        "field": title(field.field),
        "promise": field.case.value,
        "verdict": field.standing.value,
        "varies-with": [
            {
                "condition": cause.name,
                "simulated": cause.simulated,
                "differs": [_saying(one) for one in cause.sayings],
            }
            for cause in field.causes
        ],
        "breaks": [_saying(one) for one in field.broken],
        "beyond": list(field.beyond),
        "written-differently": list(field.respelled),
    }


def _saying(saying: Saying) -> dict[str, Any]:
    return {"run": saying.label, "more": list(saying.added), "without": list(saying.missing)}


def _run(run: Run) -> dict[str, Any]:
    return {
        "condition": {
            "name": run.condition.name,
            "value": run.condition.value,
            "simulated": run.condition.simulated,
        },
        "python": run.python,
        "build-requirements": [
            {"name": one.name, "version": one.version, "sha256": one.sha256}
            for one in run.installed
        ],
        "metadata": None if isinstance(run.metadata, Unreadable) else _metadata(run.metadata),
        "failed": run.metadata.reason if isinstance(run.metadata, Unreadable) else None,
        "wheel": None if run.wheel is None else {"filename": run.wheel[0], "sha256": run.wheel[1]},
    }
