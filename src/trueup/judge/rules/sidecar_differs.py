"""The index's metadata sidecar is not the metadata in the wheel.

PEP 658: the sidecar *must* be the wheel's `METADATA`. pip 26.2 and newer abort when they differ;
older pip and uv resolve by one and install the other. Found with `--deep`, which reads both.

**Before**: `demo-1.0-py3-none-any.whl.metadata` lacks a line that the wheel's `METADATA` has.

**After**: the index serves the file's own metadata, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Metadata, Resolution

__all__ = ["RULE"]

CODE = "sidecar-differs"


def _check(judgement: Judgement) -> Iterator[Finding]:
    for file, metadata in judgement.read:
        sidecar = file.reading.sidecar
        if not isinstance(sidecar, Metadata) or sidecar.digest == metadata.digest:
            continue
        yield judgement.finding(
            CODE,
            Severity.ERROR,
            f"the sidecar of `{file.filename}` is not the file's own metadata",
            evidence=[
                Evidence(files=(file.filename,), says=_only(metadata, sidecar), where="the wheel"),
                Evidence(
                    files=(f"{file.filename}.metadata",),
                    says=_only(sidecar, metadata),
                    where="the sidecar",
                ),
            ],
            hint="pip 26.2 and newer refuse this file; the index has to serve the wheel's METADATA",
        )


def _only(one: Metadata, other: Metadata) -> tuple[str, ...]:
    """What only the first says in the resolution fields, or else its digest."""
    first, second = one.resolution, other.resolution
    if isinstance(first, Resolution) and isinstance(second, Resolution):
        lines = sorted(map(str, first.requires_dist - second.requires_dist))
        if lines or first != second:
            return tuple(lines) or ("(nothing more)",)
    return (f"sha256 {one.digest[:16]}...",)


RULE = Rule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
