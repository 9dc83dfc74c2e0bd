"""The words about locks that all formats share, and what is told once instead of many times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

from trueup.interfaces.report.words import count, tally
from trueup.model.errors import TrueupError
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.lockreport import LockReport, LockVerdict, NotProven, VerifyReport
from trueup.model.target import Target, parse_targets

__all__ = [
    "NOT_PROVEN_HINT",
    "Unproven",
    "collapsed",
    "failures_alike",
    "lock_counts",
    "lock_headline",
    "lock_place",
    "lock_summary",
    "short_targets",
    "told",
    "unproven",
    "unproven_words",
    "verdict_words",
]

NOT_PROVEN_HINT = (
    "that is neither right nor wrong: lock a version that has a wheel there, or find out with "
    "`trueup prove NAME==VERSION` what a build asks for"
)

_LISTED_PLACES = 4
_NOT_PROVEN = "sdist-not-proven"

_Thing = TypeVar("_Thing")
_Key = TypeVar("_Key")


def verdict_words(lock: LockReport) -> str:
    """What the verdict on a lock means, as a clause."""
    match lock.verdict:
        case LockVerdict.SOUND:
            return "every target gets all that its files ask for"
        case LockVerdict.NOT_PROVEN:
            return "nothing is known to be wrong, and not everything is known"
        case LockVerdict.UNSOUND:
            errors = {one.code for one in lock.findings if one.severity is Severity.ERROR}
            if errors == {"invalid-lock"}:
                return "the lock is not what its format demands, so tools may refuse it"
            return "some target gets something else than its files ask for"


def lock_counts(lock: LockReport) -> str:
    """``106 entries, 24 targets, 310 of 312 files read``."""
    entries = "1 entry" if lock.entries == 1 else f"{lock.entries:,} entries"
    if lock.read == lock.files:
        files = f"{count(lock.files, 'file')} read"
    else:
        files = f"{lock.read:,} of {count(lock.files, 'file')} read"
    return f"{entries}, {count(len(lock.targets), 'target')}, {files}"


def lock_headline(lock: LockReport) -> str:
    """``uv.lock: unsound; 106 entries, 24 targets, 312 files read``."""
    name = lock.path.replace("\\", "/").rpartition("/")[2]
    kind = "" if name == lock.kind else f" ({lock.kind})"
    return f"{lock.path}{kind}: {lock.verdict.value}; {lock_counts(lock)}"


def lock_summary(report: VerifyReport) -> str:
    """``2 errors in 1 lock; 3 files are not proven``, and what was left out or not judged."""
    findings = [finding for lock in report.locks for finding in told(lock)]
    text = f"{tally(findings)} in {count(len(report.locks), 'lock')}"
    number = sum(len({item.file for item in lock.not_proven}) for lock in report.locks)
    if number:
        text += f"; {count(number, 'file')} {'is' if number == 1 else 'are'} not proven"
    if report.known:
        text += f"; {count(report.known, 'known finding')} left out"
    if report.failures:
        text += f"; {count(len(report.failures), 'thing')} could not be judged"
    return text


def short_targets(targets: Iterable[str]) -> tuple[str, ...]:
    """Targets in as few words as their grammar allows; `--for` takes them again.

    ``cp310..cp314-{linux-aarch64-glibc2.28,linux-x86_64-glibc2.28}``, one text for each set of
    Pythons. What is no target stays as it is.
    """
    parsed: list[Target] = []
    strange: list[str] = []
    for text in dict.fromkeys(targets):
        try:
            parsed += parse_targets(text)
        except TrueupError:
            strange.append(text)
    # Which Pythons each place has, then which places have the same Pythons.
    minors: dict[tuple[str, str], list[Target]] = {}
    for target in parsed:
        python, _, place = str(target).partition("-")
        minors.setdefault((place, python.rstrip("0123456789t")), []).append(target)
    places: dict[tuple[str, ...], list[str]] = {}
    for (place, _), members in minors.items():
        places.setdefault(_python_spans(members), []).append(place)
    found = [
        f"{_braced(pythons)}-{_braced(sorted(set(names)))}" for pythons, names in places.items()
    ]
    return (*found, *strange)


def _braced(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{{{','.join(items)}}}"


def _python_spans(targets: Iterable[Target]) -> tuple[str, ...]:
    """The interpreters of targets in one place, neighbours as a range: ``cp310..cp313``."""
    pythons = sorted({(t.free_threaded, t.python, str(t).partition("-")[0]) for t in targets})
    spans: list[list[tuple[bool, tuple[int, int], str]]] = []
    for item in pythons:
        free, (major, minor), _ = item
        if spans and spans[-1][-1][:2] == (free, (major, minor - 1)):
            spans[-1].append(item)
        else:
            spans.append([item])
    return tuple(span[0][2] if len(span) == 1 else f"{span[0][2]}..{span[-1][2]}" for span in spans)


def told(lock: LockReport) -> tuple[Finding, ...]:
    """The findings as people are told them, :func:`collapsed`.

    Those that say of a file that it is not proven stand in a section of their own, unless the user
    made errors of them.
    """
    elsewhere = {(item.project, item.version) for item in lock.not_proven}
    return collapsed(
        finding
        for finding in lock.findings
        if finding.code != _NOT_PROVEN
        or finding.severity is Severity.ERROR
        or (finding.project, finding.version) not in elsewhere
    )


def collapsed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The heaviest first; those that differ only in the environment told as one."""
    together = _gathered(
        findings, key=lambda item: replace(item, where=None, origin=None, evidence=_bare(item))
    )
    merged = [
        replace(
            same[0],
            where=_places(item.where for item in same),
            evidence=same[0].evidence if len(same) == 1 else _bare(same[0]),
        )
        for same in together
    ]
    return tuple(sorted(merged, key=lambda item: -item.severity.rank))


def _bare(finding: Finding) -> tuple[Evidence, ...]:
    """The evidence without the environments, which are the finding's own."""
    return tuple(replace(item, where=None) for item in finding.evidence)


def _places(wheres: Iterable[str | None]) -> str | None:
    """Environments once each; of many the first few."""
    places = list(dict.fromkeys(where for where in wheres if where))
    left = len(places) - _LISTED_PLACES
    if left > 0:
        places[_LISTED_PLACES:] = [f"and {left:,} more"]
    return "; ".join(places) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """Files about which nothing is known for one reason: each with where it is installed."""

    reason: str
    files: tuple[tuple[str, str], ...]


def unproven(items: Iterable[NotProven]) -> tuple[Unproven, ...]:
    """What is not proven, by the reason; a file that several environments install once."""
    return tuple(
        Unproven(
            reason=same[0].reason,
            files=tuple(
                (file, _places(item.where for item in members) or "")
                for file, members in groupby(
                    sorted(same, key=lambda item: item.file), key=lambda item: item.file
                )
            ),
        )
        for same in _gathered(items, key=lambda item: item.reason)
    )


def failures_alike(failures: Iterable[tuple[str, str]]) -> tuple[tuple[tuple[str, ...], str], ...]:
    """What could not be judged, by the reason: the things, and why."""
    # A reason may begin with the name of the thing itself, which is told anyway.
    bare = [(target, reason.removeprefix(f"`{target}`: ")) for target, reason in failures]
    return tuple(
        (tuple(dict.fromkeys(target for target, _ in same)), same[0][1])
        for same in _gathered(bare, key=lambda item: item[1])
    )


def unproven_words(lock: LockReport) -> str:
    """``2 files would be installed whose requirements are unknown``."""
    number = len({item.file for item in lock.not_proven})
    whose = "would be installed, and its" if number == 1 else "would be installed, and their"
    return f"{count(number, 'file')} {whose} requirements are unknown"


def lock_place(finding: Finding, lock: LockReport) -> tuple[str, int | None]:
    """The file and line that a finding is about: the lock, unless another file is known.

    A requirements file may include others.
    """
    path, colon, line = (finding.origin or "").rpartition(":")
    return (path, int(line)) if colon and line.isdecimal() else (lock.path, None)


def _gathered(
    items: Iterable[_Thing], *, key: Callable[[_Thing], _Key]
) -> tuple[tuple[_Thing, ...], ...]:
    """Items of one key together, in the order in which each key appears first."""
    found: dict[_Key, list[_Thing]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return tuple(map(tuple, found.values()))
