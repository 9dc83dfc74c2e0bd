"""The report as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import trueup
from trueup.interfaces.report.json import dumps
from trueup.interfaces.report.words import NOTHING_MORE, titled, visible
from trueup.judge.rule import RulePage
from trueup.model.finding import Evidence, Finding, Report, Severity

__all__ = ["Place", "render_sarif", "sarif_document"]

Place = tuple[str, int | None]
"""A file, relative to where the command runs, and a line of it if one is known."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
# SARIF 2.1.0 section 3.11.6: `[text](target)` in a message is a link.
_LINK = re.compile(r"\](?=\()")


def render_sarif(report: Report, rules: Iterable[RulePage]) -> str:
    """One SARIF run as JSON text that ends with a line break.

    ``rules`` are all rules that were in force, each described with its help text; the code of a
    finding that none of them has is described by the code alone. A result's fingerprint is made
    of code, release, field, environment and files, not of wording, so it stays the same from run
    to run.
    """
    return sarif_document([(finding, None) for finding in report.findings], report.failures, rules)


def sarif_document(
    findings: Sequence[tuple[Finding, Place | None]],
    failures: Iterable[tuple[str, str]],
    rules: Iterable[RulePage],
) -> str:
    """One SARIF run; a finding without a place is shown at the first file of its evidence."""
    known = {rule.code: rule for rule in rules}
    codes = list(dict.fromkeys((*known, *(finding.code for finding, _ in findings))))
    index = {code: number for number, code in enumerate(codes)}
    failures = list(failures)
    driver = {
        "name": "trueup",
        "version": trueup.__version__,
        "rules": [_rule(code, known.get(code)) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not failures,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": _message(f"could not judge `{target}`: {reason}"),
                    }
                    for target, reason in failures
                ],
            }
        ],
        "results": [_result(finding, index, place) for finding, place in findings],
    }
    return dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [run],
        }
    )


def _rule(code: str, rule: RulePage | None) -> dict[str, Any]:
    if rule is None:
        return {"id": visible(code)}
    page = rule.page.strip()
    return {
        "id": code,
        "name": "".join(part.capitalize() for part in code.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": _first_paragraph(page)},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _first_paragraph(page: str) -> str:
    return " ".join(page.split("\n\n", 1)[0].split())


def _result(finding: Finding, index: Mapping[str, int], place: Place | None) -> dict[str, Any]:
    release = f"{finding.project} {finding.version}".strip()
    places = [(name, item) for item in finding.evidence for name in item.files]
    result: dict[str, Any] = {
        "ruleId": visible(finding.code),
        "ruleIndex": index[finding.code],
        "level": _LEVELS[finding.severity],
        "message": _message(_sentence(finding)),
        "locations": [
            _location(release, places[0][0] if places else None)
            if place is None
            else _line_of(release, place)
        ],
        "partialFingerprints": _fingerprints(finding, place),
    }
    if len(places) > (place is None):
        result["relatedLocations"] = [
            {
                "id": number,
                **_location(release, name),
                "message": _message(_says(item, finding.evidence)),
            }
            for number, (name, item) in enumerate(places)
        ]
    result["properties"] = {
        "project": visible(finding.project),
        "version": visible(finding.version),
        "field": visible(finding.field) if finding.field is not None else None,
        "where": visible(finding.where) if finding.where is not None else None,
    }
    return result


def _sentence(finding: Finding) -> str:
    where = f" ({finding.where})" if finding.where is not None else ""
    hint = f"; hint: {finding.hint}" if finding.hint is not None else ""
    return f"{titled(finding)}{where}{hint}"


def _says(item: Evidence, evidence: Sequence[Evidence]) -> str:
    nothing = NOTHING_MORE if any(other.says for other in evidence) else ""
    parts = [item.where or "", ", ".join(item.says) or nothing]
    return ": ".join(filter(None, parts)) or "this file"


def _message(text: str) -> dict[str, str]:
    return {"text": _LINK.sub("] ", visible(text))}


def _location(release: str, filename: str | None) -> dict[str, Any]:
    logical = _logical(release)
    if filename is None:
        return logical
    # Everything is quoted: `a:b` would read as a scheme and `//host` as another machine.
    uri = quote(filename.encode("utf-8", "surrogatepass"), safe="")
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri},
            # An archive has no lines, but code scanning drops a result that names none.
            "region": {"startLine": 1},
        },
        **logical,
    }


def _line_of(release: str, place: Place) -> dict[str, Any]:
    path, line = place
    uri = quote(path.replace("\\", "/").encode("utf-8", "surrogatepass"), safe="/")
    return {
        "physicalLocation": {
            # Two slashes would name another machine.
            "artifactLocation": {"uri": re.sub(r"^/{2,}", "/", uri)},
            "region": {"startLine": line or 1},
        },
        **_logical(release),
    }


def _logical(release: str) -> dict[str, Any]:
    if not release:
        return {}
    return {"logicalLocations": [{"fullyQualifiedName": visible(release), "kind": "package"}]}


def _fingerprints(finding: Finding, place: Place | None) -> dict[str, str]:
    parts = (
        finding.code,
        finding.project,
        finding.version,
        finding.field or "",
        finding.where or "",
        *sorted(finding.files),
        *(place[:1] if place is not None else ()),
    )
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    # The second is the only key that GitHub's code scanning looks at.
    return {"trueup/v1": digest, "primaryLocationLineHash": f"{digest[:16]}:1"}
