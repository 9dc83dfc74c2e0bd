"""A wheel that no installer ever chooses says something else than those that are chosen.

Another file of the release is preferred in every environment that accepts it (*shadowed*, as by a
higher build tag), or no environment accepts it at all (*unreachable*). It takes no part in the
class, but a tool that reads one file may read just this one.

**Before**: `1-cp311` build-tagged wheels fix the requirements, and the originals are still listed.

**After**: yank the originals.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, FileStatus, Finding, Severity
from trueup.model.metadata import Resolution
from trueup.model.release import ReleaseFile

__all__ = ["RULE"]

CODE = "shadowed-file"


def _check(judgement: Judgement) -> Iterator[Finding]:
    for classification in judgement.classifications:
        if len(classification.groups) < 2:
            continue
        chosen = {
            resolution
            for wheel in classification.wheels
            if judgement.statuses[wheel.filename] is FileStatus.CHOSEN
            and isinstance(resolution := wheel.reading.resolution, Resolution)
        }
        for status, why, hint in (
            (
                FileStatus.SHADOWED,
                "installers prefer another file wherever it fits",
                "yank what is never chosen",
            ),
            (
                FileStatus.UNREACHABLE,
                "no environment accepts it, by its tags or by the `requires-python` of the index",
                "make a new release whose files have tags that exist and one `Requires-Python`",
            ),
        ):
            found = [
                wheel
                for wheel in classification.wheels
                if judgement.statuses[wheel.filename] is status
                and wheel.reading.resolution not in chosen
            ]
            if found:
                yield judgement.finding(
                    CODE,
                    Severity.WARNING,
                    f"{_count(found)} never chosen, and "
                    f"{'differs' if len(found) == 1 else 'differ'} from those that are: {why}",
                    evidence=_evidence(found, chosen),
                    hint=hint,
                )


def _count(found: list[ReleaseFile]) -> str:
    return f"`{found[0].filename}` is" if len(found) == 1 else f"{len(found)} wheels are"


def _evidence(found: list[ReleaseFile], chosen: set[Resolution]) -> Iterator[Evidence]:
    """What they say that no chosen file does, and what they lack that all chosen ones say."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for wheel in found:
        resolution = wheel.reading.resolution
        assert isinstance(resolution, Resolution)
        own, others = _lines(resolution), [_lines(other) for other in chosen]
        says = [f"+ {line}" for line in sorted(own.difference(*others))]
        if others:
            says += [f"- {line}" for line in sorted(frozenset.intersection(*others) - own)]
        groups.setdefault(tuple(says), []).append(wheel.filename)
    for says_, names in groups.items():
        yield Evidence(files=tuple(names), says=says_)


def _lines(resolution: Resolution) -> frozenset[str]:
    lines = {str(line) for line in resolution.requires_dist}
    lines |= {f"extra `{extra}`" for extra in resolution.provides_extra}
    if resolution.requires_python is not None:
        lines.add(f"Python {resolution.requires_python}")
    return frozenset(lines)


RULE = Rule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
