"""What `trueup lock` tells: what changed, what was left out, and which targets it cannot serve."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from trueup.interfaces.progress import watching
from trueup.model.lock import PlaceKind
from trueup.model.watcher import Watcher

if TYPE_CHECKING:
    from trueup.features.lock import Profile
    from trueup.features.lock.drive import Unserved
    from trueup.model.lock import Lock, LockEntry
    from trueup.model.lockrequest import LockRequest

__all__ = ["Told", "facts_of"]

_SHOWN = 8
_COMMIT = 12
"""Digits of a commit that are shown."""


class Told:
    """Writes for a reader, or as JSON lines (``as_json``), one event each.

    Errors and notes go to ``err``; JSON goes to ``out``.
    """

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool, quiet: bool) -> None:
        self._out = out
        self._err = err
        self._json = as_json
        self._quiet = quiet

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        """A watcher that draws a bar on a terminal, or tells progress as JSON."""
        if self._json:
            yield _JsonWatcher(self)
            return
        bar = self._err.isatty() and not self._quiet
        with watching(self._err, bar=bar, notes=False) as watcher:
            yield watcher

    def event(self, name: str, **values: Any) -> None:
        """One line of JSON."""
        self._out.write(json.dumps({"event": name, **values}, ensure_ascii=False) + "\n")
        self._out.flush()

    def note(self, text: str) -> None:
        if self._json:
            self.event("note", text=text)
        elif not self._quiet:
            self._say(text)

    def unserved(self, found: Sequence[Unserved], request: LockRequest) -> None:
        """The targets without an answer, each explanation once."""
        by_reason: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
        for item in found:
            key = (item.clash.lines, item.clash.hints)
            by_reason.setdefault(key, []).append(str(item.target))
        for (lines, hints), targets in by_reason.items():
            if self._json:
                self.event("unserved", targets=targets, reason=list(lines), hints=list(hints))
                continue
            word = (
                "error"
                if request.require_all_targets or len(found) >= len(request.targets)
                else "warning"
            )
            self._say(f"{word}: no answer for {_some(targets)}")
            for line in lines:
                self._say(f"  {line}")
            for hint in hints:
                self._say(f"\nhint: {hint}")
            self._say("")

    def not_written(self, path: Path, found: Sequence[Unserved]) -> None:
        if self._json:
            self.event("not-written", path=str(path))
        else:
            count = "target" if len(found) == 1 else "targets"
            self._say(f"`{path}` is not written: {len(found)} {count} cannot be served")

    def written(self, path: Path, before: Lock | None, profile: Profile) -> None:
        """A lock that was written, and what it changes."""
        changes, facts = _changes(before, profile.lock), facts_of(profile)
        if self._json:
            self.event(
                "locked", path=str(path), profile=profile.name, confirmed=False, **facts, **changes
            )
            return
        if self._quiet:
            return
        self._warn(facts)
        if before is not None:
            self._tell_changes(changes)
        self._say(f"wrote `{path}`: {_extent(facts)}")

    def confirmed(self, path: Path, facts: Mapping[str, Any], *, check: bool) -> None:
        """A lock that is still what resolving would give; ``facts`` are those of when it did."""
        if self._json:
            changes: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}
            about = {"current": True} if check else {"profile": ""}
            self.event(
                "checked" if check else "locked",
                path=str(path),
                **about,
                confirmed=True,
                **facts,
                **changes,
            )
            return
        if self._quiet:
            return
        if not check:
            self._warn(facts)
        self._say(f"`{path}` is up to date: nothing that it comes from has changed")

    def checked(self, path: Path, before: Lock | None, profile: Profile, *, same: bool) -> None:
        """Whether a lock on disk is what would be written now, and what would change."""
        changes = _changes(before, profile.lock)
        if self._json:
            facts = facts_of(profile)
            self.event("checked", path=str(path), current=same, confirmed=False, **facts, **changes)
        elif before is None:
            self._say(f"error: there is no `{path}`\n\nhint: `trueup lock` writes it")
        elif not same:
            self._tell_changes(changes)
            if before.targets and before.targets != profile.lock.targets:
                self._say(f"~ targets {_some(before.targets)} → {_some(profile.lock.targets)}")
            elif not any(changes.values()):
                self._say("~ files, markers or what is recorded of them")
            self._say(f"error: `{path}` is not up to date\n\nhint: `trueup lock` updates it")
        elif not self._quiet:
            self._say(f"`{path}` is up to date")

    def _warn(self, facts: Mapping[str, Any]) -> None:
        for item in facts["kept"]:
            self._say(
                f"note: {item['project']} {item['version']}: no marker tells its files apart; "
                f"kept {_some(item['kept'])}, left out {_some(item['left-out'])} "
                f"({_some(item['targets'])})"
            )
        for text in facts["absent-extras"]:
            self._say(f"warning: {text}")

    def _tell_changes(self, changes: Mapping[str, Sequence[str]]) -> None:
        lines = [
            f"{sign} {text}"
            for name, sign in (("added", "+"), ("removed", "-"), ("changed", "~"))
            for text in changes[name]
        ]
        for line in lines[: 5 * _SHOWN]:
            self._say(line)
        if len(lines) > 5 * _SHOWN:
            self._say(f"  and {len(lines) - 5 * _SHOWN} more changes")

    def _say(self, text: str) -> None:
        self._err.write(f"{text}\n")
        self._err.flush()


class _JsonWatcher(Watcher):
    def __init__(self, told: Told) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._expected = self._done = 0

    def expect(self, count: int) -> None:
        with self._lock:
            self._expected += count

    def done(self, what: str) -> None:
        with self._lock:
            self._done += 1
            self._told.event("progress", done=self._done, expected=self._expected, what=what)

    def note(self, text: str) -> None:
        with self._lock:
            self._told.event("note", text=text)


def facts_of(profile: Profile) -> dict[str, Any]:
    """What is told of a lock, as JSON has it."""
    lock = profile.lock
    return {
        "targets": list(lock.targets),
        "projects": len({entry.project for entry in lock.entries}),
        "entries": len(lock.entries),
        "files": sum(len(entry.files) for entry in lock.entries),
        "absent-extras": _absent_extras(profile),
        "kept": [
            {
                "project": item.project,
                "version": str(item.version),
                "kept": list(item.kept),
                "left-out": list(item.left_out),
                "targets": list(item.targets),
            }
            for item in profile.kept
        ],
    }


def _extent(facts: Mapping[str, Any]) -> str:
    return (
        f"{_count(facts['projects'], 'project')}, {_count(facts['files'], 'file')}, for "
        f"{_some(facts['targets'])}"
    )


def _absent_extras(profile: Profile) -> list[str]:
    """Extras that are asked for and that the locked files do not have, as pip warns of them."""
    from trueup.judge.lock import ROOTS
    from trueup.judge.lockrules import unknown_extra

    texts = []
    for finding in unknown_extra.RULE.check(profile.audit):
        who = f"{finding.project} {finding.version}"
        asks = finding.message
        if finding.project == ROOTS:
            who, asks = "you", asks.replace("asks", "ask", 1)
        texts.append(f"{who} {asks} ({finding.where})")
    return texts


def _changes(before: Lock | None, after: Lock) -> dict[str, list[str]]:
    """What a new lock adds, removes and changes, in versions and commits."""
    old, new = _versions(before), _versions(after)
    return {
        "added": [f"{name} {', '.join(new[name])}" for name in sorted(new.keys() - old.keys())],
        "removed": [f"{name} {', '.join(old[name])}" for name in sorted(old.keys() - new.keys())],
        "changed": [
            f"{name} {', '.join(old[name])} → {', '.join(new[name])}"
            for name in sorted(old.keys() & new.keys())
            if old[name] != new[name]
        ],
    }


def _versions(lock: Lock | None) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for entry in lock.entries if lock is not None else ():
        found.setdefault(entry.project, set()).add(_version(entry))
    return {name: sorted(versions) for name, versions in found.items()}


def _version(entry: LockEntry) -> str:
    """What tells an entry from that of another lock: a version, a commit, or neither for a folder."""
    version = "" if entry.version is None else str(entry.version)
    if entry.place.kind is PlaceKind.VCS and entry.place.revision is not None:
        return f"{version} at {entry.place.revision[:_COMMIT]}".lstrip()
    return version or "from its folder"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
