"""`verify`: audit a lock that any tool wrote, against what its files themselves say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet

from trueup.judge.closure import Kind
from trueup.judge.fingerprint import fingerprint
from trueup.judge.lock import Audit, Ground, audit, ground_of
from trueup.judge.lockrules import LOCK_RULES
from trueup.judge.lockways import ways_out
from trueup.judge.picks import Pick, Readings
from trueup.judge.rule import RuleSettings
from trueup.model.artifact import Artifact
from trueup.model.errors import UsageError
from trueup.model.finding import Finding
from trueup.model.lock import Lock
from trueup.model.lockreport import LockReport, NotProven
from trueup.model.metadata import Unreadable
from trueup.model.python import NEWEST_PYTHON
from trueup.model.release import Reading
from trueup.model.target import Target, parse_targets
from trueup.model.watcher import Watcher
from trueup.sources.lock import Completed, SourceFor, complete, facts_of, read_picks

__all__ = ["Verified", "claimed_targets", "verify"]

_OLDEST_CLAIMED = 7
"""A lock that claims Python 3.7 and older is judged from here on; nothing maintained is left out."""
_PLATFORMS = "{linux-x86_64,linux-aarch64,macos-arm64,macos-x86_64,windows-amd64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The report on a lock, the audit behind it, and what was read."""

    report: LockReport
    audit: Audit
    readings: Readings


def verify(
    lock: Lock,
    *,
    source_for: SourceFor | None,
    read: Callable[[Artifact], Reading],
    targets: Sequence[Target] = (),
    settings: RuleSettings | None = None,
    known: Collection[str] = (),
    suggest: bool = True,
    watcher: Watcher | None = None,
) -> Verified:
    """Judge a lock for its targets (none: those it claims, see :func:`claimed_targets`).

    ``source_for`` gives the source of an index address (None: offline, nothing is looked up),
    ``read`` the metadata of a file; each distinct file that some target would pick is read once.
    ``known`` are fingerprints of findings to leave out. What cannot be read is told as not proven.
    Raises UsageError for a rule that does not exist and if no target is left,
    SpaceTooLargeError if the lock's markers need too many environments.
    """
    settings = settings or RuleSettings()
    settings.check_codes(rule.code for rule in LOCK_RULES)
    targets = tuple(targets) or claimed_targets(lock)
    completed = Completed(lock=lock, listed={})
    if source_for is not None:
        completed = complete(lock, source_for, watcher=watcher)
    ground = ground_of(completed.lock, targets)
    if not ground.asked:
        raise UsageError(
            "the lock claims none of the targets",
            found=", ".join(str(target) for target in targets[:5]),
            hint="its `requires-python` and `environments` say what it claims; name others with "
            "`--for`",
            place=(lock.path,),
        )
    readings = read_picks(_worth_reading(ground), read, watcher=watcher)
    facts = facts_of(lock, completed, ground.picks, readings)
    found = audit(completed.lock, targets, readings, facts=facts)
    findings = _findings(found, settings)
    new = tuple(finding for finding in findings if fingerprint(finding) not in known)
    report = LockReport(
        path=lock.path,
        kind=lock.kind.value,
        targets=tuple(str(target) for target in targets if target not in ground.unclaimed),
        entries=len(lock.entries),
        files=sum(len(picks) for picks in ground.picks),
        read=sum(not isinstance(reading.metadata, Unreadable) for reading in readings.values()),
        findings=new,
        not_proven=_not_proven(found),
        failures=completed.failures,
        workarounds=ways_out(found, new, readings) if suggest else (),
        known=len(findings) - len(new),
    )
    return Verified(report=report, audit=found, readings=readings)


def _worth_reading(ground: Ground) -> Iterator[list[Pick]]:
    """The picks without sdists that no target would build: they would be fetched whole."""
    for picks in ground.picks:
        yield [pick for pick in picks if not pick.artifact.is_sdist or pick.points & ground.asked]


def claimed_targets(lock: Lock) -> tuple[Target, ...]:
    """The targets that a lock claims.

    Those it names, if `trueup lock` wrote it; otherwise CPython on Linux, macOS and Windows, for
    every minor version that its `requires-python` admits, or that it was made for.
    """
    if lock.targets:
        return tuple(sorted({t for text in lock.targets for t in parse_targets(text)}))
    known = range(_OLDEST_CLAIMED, NEWEST_PYTHON[1] + 1)
    admitted = [minor for minor in known if _admits(lock.requires_python, minor)]
    if lock.requires_python is None:
        meant = [minor for minor in known if _admits(lock.made_for, minor)]
        admitted = meant or admitted
    return tuple(
        target for minor in admitted for target in parse_targets(f"cp3{minor}-{_PLATFORMS}")
    )


def _admits(specifier: SpecifierSet | None, minor: int) -> bool:
    """Whether some patch release of a Python is admitted; 3.10 and later where nothing is said."""
    if specifier is None:
        return minor >= 10
    return any(specifier.contains(f"3.{minor}.{patch}") for patch in (0, 1, 5, 99))


def _findings(found: Audit, settings: RuleSettings) -> tuple[Finding, ...]:
    findings = [
        settings.graded(finding)
        for rule in LOCK_RULES
        if settings.applies(rule.code)
        for finding in rule.check(found)
    ]
    return tuple(sorted(findings, key=lambda finding: -finding.severity.rank))


def _not_proven(found: Audit) -> tuple[NotProven, ...]:
    items = []
    for number, troubles in found.of_kind(Kind.NOT_PROVEN).items():
        for trouble in troubles:
            points = trouble.points & found.ground.asked
            if not points or trouble.problem.group is None:
                continue
            group = found.groups[number][trouble.problem.group]
            assert isinstance(group.said, Unreadable)
            entry = found.entry(number)
            items += [
                NotProven(
                    project=entry.project,
                    version=str(entry.version or ""),
                    file=name,
                    where=found.where(points, trouble.selections),
                    reason=group.said.reason,
                )
                for name in group.names or (entry.origin,)
            ]
    return tuple(items)
