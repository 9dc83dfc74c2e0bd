"""The report as JSON, in the documented shape ``trueup.report/1``."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import trueup
from trueup.interfaces.report.words import in_order, origin
from trueup.judge.fingerprint import fingerprint
from trueup.model.finding import (
    FieldReport,
    FileReport,
    Finding,
    Merged,
    ReleaseReport,
    Report,
    Severity,
    Witness,
)

__all__ = ["SCHEMA", "dumps", "finding_value", "render_json", "totals"]

SCHEMA = "trueup.report/1"
"""The name and version of the shape; a change that can break a reader raises the number."""

# Above ASCII only what a terminal or a browser may obey is escaped, so that `≥` stays readable;
# `<` before a letter, `/` or `!` would open or close a tag where JSON is put into a page.
# `##[` starts a command where a build's log is watched for them.
_SUSPECT = re.compile(r"<(?=[A-Za-z/!])|(?<=#)#(?=\[)|[\x7f-\U0010ffff]")
_ESCAPED = frozenset({"Cc", "Cf", "Co", "Zl", "Zp"})


def render_json(report: Report) -> str:
    """The report as JSON text that ends with a line break.

    Keys come in a fixed order and nothing depends on the clock or the place, so equal reports give
    equal bytes. Described in `docs/reference/report-json.md` and by `report.schema.json`.
    """
    document = {
        "schema": SCHEMA,
        "tool": {"name": "trueup", "version": trueup.__version__},
        "summary": {
            "releases": len(report.releases),
            **totals(report.findings, known=report.known, failures=len(report.failures)),
        },
        "releases": [_release(release) for release in report.releases],
        "failures": [{"target": target, "reason": reason} for target, reason in report.failures],
    }
    return dumps(document)


def totals(findings: Iterable[Finding], *, known: int, failures: int) -> dict[str, Any]:
    """How much was found, and how bad it is at worst."""
    severities = [finding.severity for finding in findings]
    worst = max(severities, key=lambda item: item.rank, default=None)
    return {
        "errors": severities.count(Severity.ERROR),
        "warnings": severities.count(Severity.WARNING),
        "infos": severities.count(Severity.INFO),
        "known": known,
        "failures": failures,
        "worst": worst.value if worst is not None else None,
    }


def dumps(document: Mapping[str, Any]) -> str:
    """Indented JSON text that can be encoded as UTF-8 and acts on nothing that shows it."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return _SUSPECT.sub(_escape, text) + "\n"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    point = ord(character)
    if 0xD800 <= point < 0xE000:
        # Half a character is not text: many readers refuse it even escaped, so the escape itself
        # becomes the text.
        return f"\\\\u{point:04x}"
    if point >= 0x7F and unicodedata.category(character) not in _ESCAPED:
        return character
    if point < 0x10000:
        return f"\\u{point:04x}"
    point -= 0x10000
    return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"


def _release(release: ReleaseReport) -> dict[str, Any]:
    return {
        "project": release.project,
        "version": release.version,
        "origin": origin(release.origin),
        "class": release.release_class.value,
        "class_words": release.class_words,
        "class_reason": release.class_reason,
        "at_least": release.at_least,
        "only_in": release.only_in,
        "advice": release.advice.value,
        "advice_reason": release.advice_reason,
        "findings": [finding_value(finding) for finding in release.findings],
        "fields": [_field(field) for field in release.fields],
        "files": [_file(file) for file in in_order(release.files)],
        "witnesses": [_witness(witness) for witness in release.witnesses],
        "merged": _merged(release.merged) if release.merged is not None else None,
        "workarounds": [{"for": what, "text": text} for what, text in release.workarounds],
    }


def finding_value(finding: Finding) -> dict[str, Any]:
    """A finding, the same in reports on releases and on locks."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "project": finding.project,
        "version": finding.version,
        "message": finding.message,
        "field": finding.field,
        "where": finding.where,
        "evidence": [
            {"files": list(item.files), "where": item.where, "says": list(item.says)}
            for item in finding.evidence
        ],
        "hint": finding.hint,
        "fingerprint": fingerprint(finding),
    }


def _field(field: FieldReport) -> dict[str, Any]:
    return {
        "field": field.field,
        "class": field.release_class.value if field.release_class is not None else None,
        "case": field.case.value,
        "variants": [
            {
                "region": variant.region,
                "values": list(variant.values),
                "files": list(variant.files),
            }
            for variant in field.variants
        ],
    }


def _file(file: FileReport) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "status": file.status.value,
        "how": str(file.how),
        "verified": file.verified,
        "digest": file.digest,
        "reason": file.reason,
        "variant_label": file.variant_label,
    }


def _witness(witness: Witness) -> dict[str, Any]:
    return {
        "field": witness.field,
        "project": witness.project,
        "extra": witness.extra,
        "environment": dict(witness.environment),
        "sides": [
            {"file": name, "tag_part": tag_part, "values": list(values)}
            for name, tag_part, values in zip(
                witness.files, witness.tag_parts, witness.values, strict=True
            )
        ],
    }


def _merged(merged: Merged) -> dict[str, Any]:
    return {
        "requires_dist": list(merged.requires_dist),
        "requires_python": merged.requires_python,
        "provides_extra": list(merged.provides_extra),
        "residue": merged.residue,
        "notes": list(merged.notes),
    }
