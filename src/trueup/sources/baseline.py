"""The baseline file: findings that are known today, so that only new ones fail."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from trueup.judge.fingerprint import fingerprint
from trueup.model.errors import UsageError
from trueup.model.finding import Finding
from trueup.sources.output import write_atomically

__all__ = ["read_baseline", "write_baseline"]

_FORMAT = 1
_MAX_BYTES = 64 * 1024 * 1024


def read_baseline(path: Path) -> frozenset[str]:
    """The fingerprints of the known findings; raises UsageError naming the file and what is wrong."""
    again = "write it anew with `--write-baseline`"
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            "no such baseline file", hint="create it with `--write-baseline`", place=(str(path),)
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    if len(data) > _MAX_BYTES:
        raise UsageError("is too large to be a baseline file", place=(str(path),))
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"is not valid JSON: {error}", hint=again, place=(str(path),)) from error
    if not isinstance(document, dict) or document.get("trueup-baseline") != _FORMAT:
        raise UsageError(
            "is no baseline file of this version",
            expected=f'`"trueup-baseline": {_FORMAT}`',
            hint=again,
            place=(str(path),),
        )
    known = document.get("known")
    fingerprints = []
    for number, entry in enumerate(known if isinstance(known, list) else [None]):
        value = entry.get("fingerprint") if isinstance(entry, dict) else None
        if not isinstance(value, str):
            raise UsageError(
                f"`known[{number}]` has no fingerprint", hint=again, place=(str(path),)
            )
        fingerprints.append(value)
    return frozenset(fingerprints)


def write_baseline(path: Path, findings: Iterable[Finding]) -> int:
    """Write the findings as known, sorted so that a change shows as a change; returns how many.

    The message of each is there for the reader only. Raises SourceError.
    """
    entries = {
        fingerprint(finding): {
            "fingerprint": fingerprint(finding),
            "project": finding.project,
            "code": finding.code,
            "message": finding.message,
        }
        for finding in findings
    }
    ordered = sorted(
        entries.values(), key=lambda entry: (entry["project"], entry["code"], entry["fingerprint"])
    )
    document = {"trueup-baseline": _FORMAT, "known": ordered}
    write_atomically(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return len(ordered)
