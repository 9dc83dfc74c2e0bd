"""From the paths of locks to one report: each read, moved to its mirror, judged, and compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from trueup.features.verify import Verified, verify
from trueup.interfaces.lockplaces import LockPlaces
from trueup.judge.fingerprint import fingerprint
from trueup.judge.lockways import ways_out
from trueup.judge.rule import RuleSettings
from trueup.model.errors import TrueupError
from trueup.model.finding import Finding
from trueup.model.lock import Lock
from trueup.model.lockreport import LockReport, NotProven, VerifyReport
from trueup.model.target import Target
from trueup.model.watcher import Watcher
from trueup.sources.lock import remapped
from trueup.sources.lockfiles.read import read_lock

__all__ = ["Auditor", "Wish"]

_NO_FILE = "no-file-for-target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How locks are to be judged.

    ``targets`` (none: those that each lock claims), ``known`` fingerprints of findings to leave
    out, ``mapping`` beginnings of addresses and what replaces them, ``offline`` whether what an
    index does not say is no failure.
    """

    settings: RuleSettings
    targets: tuple[Target, ...] = ()
    known: frozenset[str] = frozenset()
    mapping: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    offline: bool = False


class Auditor:
    """Judges locks, one after the other; ``environ`` expands variables in requirements files."""

    def __init__(
        self,
        places: LockPlaces,
        wish: Wish,
        *,
        environ: Mapping[str, str],
        watcher: Watcher | None = None,
    ) -> None:
        self._places = places
        self._wish = wish
        self._environ = environ
        self._watcher = watcher

    def report(
        self, paths: Iterable[Path], *, since: Path | None = None
    ) -> tuple[VerifyReport, tuple[Verified, ...]]:
        """The report on all locks, and the audits behind it.

        A lock that cannot be judged is told in ``unread``; the others go on. ``since`` is an older
        lock: what it has too is left out, and it is read with the projects beside the new one.
        Raises what :meth:`verified` raises for the older lock.
        """
        verified: list[Verified] = []
        reports: list[LockReport] = []
        unread: list[tuple[str, str]] = []
        for path in paths:
            try:
                one = self.verified(path)
            except TrueupError as error:
                unread.append((str(path), _reason(error)))
                continue
            verified.append(one)
            report = one.report
            if since is not None:
                old = self.verified(since, project=path.parent)
                report = _new_since(one, old.report)
            reports.append(report)
        return VerifyReport(locks=tuple(reports), unread=tuple(unread)), tuple(verified)

    def verified(self, path: Path, *, project: Path | None = None) -> Verified:
        """Judge one lock; ``project`` is the folder of its project (None: the lock's own).

        Raises TrueupError if it cannot be read or judged.
        """
        lock = read_lock(path, environ=self._environ, project=project)
        lock = remapped(lock, self._wish.mapping)
        try:
            found = verify(
                lock,
                source_for=self._places.source_for,
                read=self._places.read,
                targets=self._wish.targets,
                settings=self._wish.settings,
                known=self._wish.known,
                watcher=self._watcher,
            )
        except TrueupError as error:
            error.within(str(path))
            raise
        report = replace(found.report, findings=tuple(_looked_up(lock, found.report)))
        if self._wish.offline:
            report = replace(report, failures=_needed(lock, report.failures))
        return replace(found, report=report)


def _looked_up(lock: Lock, report: LockReport) -> Sequence[Finding]:
    """The findings without claims about files that could not be looked up."""
    failed = {project for project, _ in report.failures}
    unknown = {entry.project for entry in lock.entries if not entry.complete} & failed
    return [
        finding
        for finding in report.findings
        if finding.code != _NO_FILE or finding.project not in unknown
    ]


def _needed(lock: Lock, failures: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Without a network the files that a lock lists are all that can be asked for."""
    listed = {entry.project for entry in lock.entries if entry.complete}
    return tuple((project, reason) for project, reason in failures if project not in listed)


def _new_since(verified: Verified, old: LockReport) -> LockReport:
    """What a lock has that the older one has not."""
    new = verified.report
    known = {fingerprint(finding) for finding in old.findings}
    findings = tuple(item for item in new.findings if fingerprint(item) not in known)
    before = {_thing(item) for item in old.not_proven}
    return replace(
        new,
        findings=findings,
        not_proven=tuple(item for item in new.not_proven if _thing(item) not in before),
        workarounds=ways_out(verified.audit, findings, verified.readings),
        known=new.known + len(new.findings) - len(findings),
    )


def _thing(item: NotProven) -> tuple[str, str]:
    return item.project, item.file


def _reason(error: TrueupError) -> str:
    return str(error) if error.hint is None else f"{error}; {error.hint}"
