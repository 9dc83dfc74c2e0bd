"""Findings about a lock: the troubles of one entry, told as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trueup.judge.lock import Audit, Trouble
from trueup.model.condition import Selection
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.requirement import Requirement
from trueup.model.space import union

__all__ = ["asked", "evidence_of", "lock_finding", "names_of"]

_SHOWN = 3


def lock_finding(
    audit: Audit,
    number: int,
    code: str,
    severity: Severity,
    message: str,
    *,
    points: int,
    selections: Sequence[Selection] = (),
    evidence: Iterable[Evidence] = (),
    field: str | None = None,
    hint: str | None = None,
) -> Finding:
    """A finding about one entry, lighter where it concerns no target."""
    entry = audit.entry(number)
    return Finding(
        code=code,
        severity=audit.severity(severity, points),
        project=entry.project,
        version=str(entry.version) if entry.version is not None else "",
        message=message,
        evidence=tuple(evidence),
        where=audit.where(points, selections),
        field=field,
        hint=hint,
        origin=entry.origin,
    )


def evidence_of(audit: Audit, troubles: Sequence[Trouble]) -> tuple[Evidence, ...]:
    """What the files of each group ask for, and where."""
    found: dict[int | None, list[Trouble]] = {}
    for trouble in troubles:
        found.setdefault(trouble.problem.group, []).append(trouble)
    evidence = []
    for index, members in found.items():
        entry = members[0].problem.entry
        names = audit.groups[entry][index].names if index is not None else ()
        evidence.append(
            Evidence(
                files=names or (audit.entry(entry).origin,),
                says=tuple(dict.fromkeys(asked(trouble) for trouble in members)),
                where=audit.where(union(trouble.points for trouble in members)),
            )
        )
    return tuple(evidence)


def asked(trouble: Trouble) -> str:
    """The requirement as its file writes it."""
    requirement = trouble.problem.requirement
    return "" if requirement is None else str(requirement)


def names_of(requirements: Iterable[Requirement | None]) -> str:
    """``a``, ``b`` and 3 more projects, in one order: baselines know a finding by its words."""
    names = sorted({f"`{item.bare}`" for item in requirements if item is not None})
    if len(names) <= _SHOWN:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
