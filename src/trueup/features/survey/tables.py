"""The tables that an audit writes: releases, findings, variants, and a summary per project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from trueup.judge.observed import Observed
from trueup.model.filerow import FileRow
from trueup.model.finding import Finding

__all__ = ["FINDINGS", "RELEASES", "TABLES", "VARIANTS", "VERDICTS", "finding_record",
           "variant_records", "verdict_record"]  # fmt: skip

_TEXTS = pa.list_(pa.string())

VERDICTS = pa.schema(
    [
        pa.field("project", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("class", pa.string(), nullable=False),
        pa.field("at_least", pa.bool_(), nullable=False),
        pa.field("only_in", pa.string()),
        pa.field("promise", pa.string(), nullable=False),
        pa.field("advice", pa.string(), nullable=False),
        pa.field("sdist", pa.string(), nullable=False),
        pa.field("differs", _TEXTS, nullable=False),
        pa.field("apart_by", _TEXTS, nullable=False),
        pa.field("reason", pa.string()),
    ]
)
"""What the model says of the releases that differ as written; joined into the releases."""

RELEASES = """
    project VARCHAR, version VARCHAR, class VARCHAR, at_least BOOLEAN, only_in VARCHAR,
    promise VARCHAR, advice VARCHAR, sdist VARCHAR, differs VARCHAR[], apart_by VARCHAR[],
    reason VARCHAR, as_written VARCHAR, evidence VARCHAR, files BIGINT, wheels BIGINT,
    sdists BIGINT, audited BIGINT, unread BIGINT, texts BIGINT, bytes BIGINT,
    uploaded TIMESTAMP, generator VARCHAR
"""
"""The columns of a release.

``class`` is identical, uniform, mergeable, irreconcilable, unknown, ``single`` (fewer than two
files to compare) or ``not auditable``; ``as_written`` says same, differs or none (nothing to
compare); ``evidence`` lists the sources of its rows; ``audited`` counts rows that could show a
difference, ``texts`` distinct metadata files (by digest, where it is known); ``uploaded`` is when
its first file came (UTC); ``bytes`` is the sum of its files' sizes.
"""

FINDINGS = pa.schema(
    [
        pa.field("project", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("field", pa.string()),
        pa.field("message", pa.string(), nullable=False),
        pa.field("where", pa.string()),
        pa.field(
            "evidence",
            pa.list_(
                pa.struct(
                    [
                        pa.field("files", _TEXTS),
                        pa.field("says", _TEXTS),
                        pa.field("where", pa.string()),
                    ]
                )
            ),
            nullable=False,
        ),
    ]
)
"""What is wrong in releases that differ, each with what the files say: the witnesses."""

VARIANTS = pa.schema(
    [
        pa.field("project", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("field", pa.string(), nullable=False),
        pa.field("files", _TEXTS, nullable=False),
        pa.field("says", _TEXTS, nullable=False),
        pa.field("region", pa.string(), nullable=False),
    ]
)
"""Files of a differing release that say the same; ``says`` holds the lines not common to all."""

TABLES = ("releases", "findings", "variants", "projects")
"""The tables of a bucket's results, each a Parquet file."""


def verdict_record(row: FileRow, found: Observed) -> Mapping[str, Any]:
    """The verdict on the release of a row."""
    return {
        "project": row.project,
        "version": row.version,
        "class": found.release_class,
        "at_least": found.at_least,
        "only_in": found.only_in,
        "promise": found.promise,
        "advice": found.advice,
        "sdist": found.sdist,
        "differs": list(found.differs),
        "apart_by": list(found.by),
        "reason": found.reason,
    }


def finding_record(row: FileRow, finding: Finding) -> Mapping[str, Any]:
    """A finding on the release of a row."""
    return {
        "project": row.project,
        "version": row.version,
        "code": finding.code,
        "severity": finding.severity.value,
        "field": finding.field,
        "message": finding.message,
        "where": finding.where,
        "evidence": [
            {"files": list(one.files), "says": list(one.says), "where": one.where}
            for one in finding.evidence
        ],
    }


def variant_records(row: FileRow, found: Observed) -> Iterable[Mapping[str, Any]]:
    """The variants of the release of a row."""
    for field, variant in found.variants:
        yield {
            "project": row.project,
            "version": row.version,
            "field": field,
            "files": list(variant.files),
            "says": list(variant.values),
            "region": variant.region,
        }
