"""What a patch ledger does to files, as text and as JSON (``trueup.ledger/1``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import trueup
from trueup.interfaces.report.json import dumps
from trueup.interfaces.report.words import printable
from trueup.model.patch import Application, Drift, Effect, Ledger, Outcome, Patch

__all__ = ["SCHEMA", "Judged", "render_ledger_json", "render_ledger_text"]

SCHEMA = "trueup.ledger/1"
"""The name and version of the shape; a change that can break a reader raises the number."""

Judged = tuple[Path, Application]
"""A target and what the ledger makes of it."""


def render_ledger_text(files: Sequence[Judged], ledger: Ledger, *, only_drift: bool) -> str:
    """Each file with what every patch does to it (unless ``only_drift``), then where it drifted."""
    reasons = {patch.number: patch.reason for patch in ledger.patches}
    blocks = []
    for path, application in files:
        lines = [f"{printable(path.name)}: {_summary(application)}"]
        if not only_drift:
            lines += _effect_lines(application.effects, reasons)
        lines += [
            f"  patch {number} is for other versions: {printable(reasons[number])}"
            for number in application.left_out
        ]
        for drift in application.drift:
            lines += ["", *_drift_lines(application, drift, reasons)]
        blocks.append("\n".join(lines) + "\n")
    others = _other_projects(files, ledger)
    if others:
        patches = "1 patch is" if len(others) == 1 else f"{len(others)} patches are"
        names = ", ".join(dict.fromkeys(f"`{patch.project}`" for patch in others))
        blocks.append(f"{patches} for other projects: {names}\n")
    return "\n".join(blocks)


def render_ledger_json(files: Sequence[Judged], ledger: Ledger) -> str:
    """The same as JSON, described in `docs/reference/ledger.md`."""
    reasons = {patch.number: patch.reason for patch in ledger.patches}
    document = {
        "schema": SCHEMA,
        "tool": {"name": "trueup", "version": trueup.__version__},
        "other_projects": [patch.number for patch in _other_projects(files, ledger)],
        "files": [
            {
                "path": str(path),
                "project": application.before.project,
                "version": str(application.before.version),
                "changes": application.before != application.after,
                "holds": application.holds,
                "other_versions": list(application.left_out),
                "operations": [
                    {
                        "patch": effect.patch,
                        "reason": reasons[effect.patch],
                        "operation": effect.operation,
                        "outcome": effect.outcome.name.lower().replace("_", "-"),
                        "before": list(effect.before),
                        "after": list(effect.after),
                    }
                    for effect in application.effects
                ],
                "drift": [
                    {
                        "patch": drift.patch or None,
                        "kind": drift.kind.value,
                        "message": drift.message,
                        "hint": drift.hint,
                        "accepted": drift.accepted,
                    }
                    for drift in application.drift
                ],
            }
            for path, application in files
        ],
    }
    return dumps(document)


def _other_projects(files: Sequence[Judged], ledger: Ledger) -> list[Patch]:
    """The patches that are for none of the targets."""
    projects = {application.before.project for _, application in files}
    return [patch for patch in ledger.patches if patch.project not in projects]


def _summary(application: Application) -> str:
    changed = sum(effect.outcome is Outcome.CHANGED for effect in application.effects)
    drifted = sum(not drift.accepted for drift in application.drift)
    accepted = len(application.drift) - drifted
    words = [f"{changed} of {len(application.effects)} operations change something"]
    words += [f"{drifted} drifted"] if drifted else []
    words += [f"{accepted} drifted and accepted"] if accepted else []
    return ", ".join(words)


def _effect_lines(effects: Sequence[Effect], reasons: dict[int, str]) -> Iterator[str]:
    last = 0
    for effect in effects:
        if effect.outcome is not Outcome.CHANGED:
            continue
        if effect.patch != last:
            yield f"  patch {effect.patch}: {printable(reasons[effect.patch])}"
            last = effect.patch
        yield f"    {printable(effect.operation)}"
        yield from (f"      - {printable(line)}" for line in effect.before)
        yield from (f"      + {printable(line)}" for line in effect.after)


def _drift_lines(application: Application, drift: Drift, reasons: dict[int, str]) -> Iterator[str]:
    before = application.before
    who = f"patch {drift.patch}: " if drift.patch else ""
    accepted = " (accepted)" if drift.accepted else ""
    release = f"{before.project} {before.version}"
    yield f"drift[{drift.kind}]: {release}: {who}{printable(drift.message)}{accepted}"
    if drift.patch:
        yield f"  reason: {printable(reasons[drift.patch])}"
    if not drift.accepted:
        yield f"  hint: {drift.hint}"
