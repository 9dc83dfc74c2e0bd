"""From targets and operations to new files: first everything is planned, then it is written."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trueup.features.amend.identity import Named, Naming, name_all
from trueup.features.amend.operations import Operation
from trueup.features.amend.subject import Kind, Subject
from trueup.model.document import Document, parse_document
from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.watcher import Watcher
from trueup.sources.distinfo import DistInfo
from trueup.sources.repack import open_sdist, write_sdist
from trueup.sources.rewrite import Wheel, open_wheel, write_wheel

__all__ = ["Amended", "Place", "Plan", "plan", "write"]

_FOLDER = "amended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where results go: into ``output`` (None: `amended` beside each target), or in place."""

    output: Path | None = None
    in_place: bool = False

    def target(self, path: Path, filename: str) -> Path:
        if self.in_place:
            return path.with_name(filename)
        return (self.output or path.parent / _FOLDER) / filename


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One target that will change: before, after, and the path of the result."""

    before: Subject
    named: Named
    target: Path

    @property
    def diff(self) -> str:
        """What changes in METADATA (or PKG-INFO) and `entry_points.txt`, as a unified diff."""
        after = self.named.subject
        name = "PKG-INFO" if after.kind is Kind.SDIST else "METADATA"
        texts = [
            (name, _head(self.before.metadata), _head(after.metadata)),
            ("description", self.before.metadata.body, after.metadata.body),
            ("entry_points.txt", self.before.entry_points or b"", after.entry_points or b""),
        ]
        lines: list[str] = []
        for part, old, new in texts:
            if old == new:
                continue
            lines += difflib.unified_diff(
                _lines(old),
                _lines(new),
                f"{self.before.path.name}/{part}",
                f"{self.named.filename}/{part}",
                n=2,
                lineterm="",
            )
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be written, the targets for which there is nothing to do, and remarks."""

    changes: tuple[Change, ...]
    unchanged: tuple[Path, ...]
    notes: tuple[str, ...]
    in_place: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """One file (or dist-info folder) that was written; ``sha256`` is None for a folder."""

    source: Path
    target: Path
    sha256: str | None
    notes: tuple[str, ...] = ()


def plan(
    subjects: Sequence[Subject],
    operations: Sequence[Operation],
    *,
    naming: Naming | None = None,
    place: Place | None = None,
) -> Plan:
    """What the operations, one after the other, make of the targets; nothing is written.

    Raises UsageError without an operation, for a name that may not be used again and for results
    that would replace a target or each other; TrueupError for metadata that cannot be amended.
    """
    place, naming = place or Place(), naming or Naming()
    if not operations:
        raise UsageError(
            "nothing to do",
            hint="say what to amend: `--reconcile`, `--declared`, `--add-requires` …",
        )
    after = tuple(subjects)
    notes: list[str] = []
    for operation in operations:
        step = operation.apply(after)
        after, notes = step.subjects, [*notes, *step.notes]
    pairs = [(one, two) for one, two in zip(subjects, after, strict=True) if one != two]
    for before, changed in pairs:
        _check_exact(before, changed)
    named, said = name_all([two for _, two in pairs], after, naming)
    changes = tuple(
        Change(before=before, named=item, target=place.target(before.path, item.filename))
        for (before, _), item in zip(pairs, named, strict=True)
    )
    _check_targets(changes, place)
    touched = {change.before.path for change in changes}
    return Plan(
        changes=changes,
        unchanged=tuple(item.path for item in subjects if item.path not in touched),
        notes=(*dict.fromkeys([*notes, *said]),),
        in_place=place.in_place,
    )


def write(planned: Plan, *, watcher: Watcher | None = None) -> tuple[Amended, ...]:
    """Write what was planned, one file after the other, each verified before it gets its name.

    In place, an original is there until then. Raises UsageError, before anything is written, for a
    result that would replace another file; SourceError and ArchiveError, with the file.
    """
    watcher = watcher or Watcher()
    _check_free(planned)
    watcher.expect(len(planned.changes))
    done: list[Amended] = []
    for change in planned.changes:
        try:
            done.append(_write(change, in_place=planned.in_place))
        except TrueupError as error:
            raise error.within(str(change.before.path)) from error
        watcher.done(change.target.name)
    return tuple(done)


def _write(change: Change, *, in_place: bool) -> Amended:
    source, target = change.before.path, change.target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(
            f"cannot be made: {error.strerror or error}", place=(str(target.parent),)
        ) from error
    notes: tuple[str, ...] = ()
    digest: str | None = None
    match change.before.kind:
        case Kind.INSTALLED:
            notes = _write_folder(change, in_place=in_place)
        case Kind.SDIST:
            with open_wheel(source) as file:
                sdist = open_sdist(file, source.name)
                data = bytes(change.named.subject.metadata)
                digest = write_sdist(file, sdist, data, target)
            notes = ("a build writes `PKG-INFO` anew: change its source as well",)
        case Kind.WHEEL:
            with open_wheel(source) as file:
                digest, notes = _write_wheel(file, change)
    if in_place and target != source:
        source.unlink()
    return Amended(source=source, target=target, sha256=digest, notes=notes)


def _write_wheel(file: BinaryIO, change: Change) -> tuple[str, tuple[str, ...]]:
    wheel = Wheel(file, change.before.path.name)
    files: dict[str, bytes | None] = dict(_files(change))
    if change.named.build is not None:
        header = parse_document(wheel.read("WHEEL") or b"")
        files["WHEEL"] = bytes(header.with_values("build", [change.named.build]))
    rewrite = wheel.rewrite(files, version=change.named.version)
    return write_wheel(file, rewrite, change.target), rewrite.notes


def _write_folder(change: Change, *, in_place: bool) -> tuple[str, ...]:
    if in_place:
        return DistInfo(change.target).rewrite(_files(change))
    scratch = change.target.with_name(f".{change.target.name}.tmp")
    try:
        # Whole, or not at all: a folder under its own name is complete.
        shutil.copytree(change.before.path, scratch)
        final = scratch.with_name(change.target.name)
        inner = scratch / final.name
        inner.mkdir()
        for item in [item for item in scratch.iterdir() if item != inner]:
            item.rename(inner / item.name)
        notes = DistInfo(inner).rewrite(_files(change))
        inner.rename(final)
    except OSError as error:
        raise SourceError(
            f"cannot be written: {error.strerror or error}", place=(str(change.target),)
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return notes


def _files(change: Change) -> Mapping[str, bytes | None]:
    """The files of the dist-info folder that change; None for one that goes."""
    after = change.named.subject
    files: dict[str, bytes | None] = {"METADATA": bytes(after.metadata)}
    if after.entry_points != change.before.entry_points:
        files["entry_points.txt"] = after.entry_points
    return files


def _check_exact(before: Subject, after: Subject) -> None:
    """What is read from the new text is what was meant; only odd files can fail here."""
    parsed = parse_metadata(bytes(after.metadata))
    meant = [(header.name, _clean(header.value)) for header in after.metadata.headers]
    same_body = before.metadata.rest != after.metadata.rest or (
        not isinstance(parsed, Unreadable) and parsed.body == before.parsed.body
    )
    if isinstance(parsed, Unreadable) or list(parsed.headers) != meant or not same_body:
        raise TrueupError(
            "its metadata is too irregular to be amended: tools would read the result differently",
            hint="build the file again",
            place=(str(before.path),),
        )


def _check_targets(changes: Sequence[Change], place: Place) -> None:
    for change in changes:
        source, target = change.before.path, change.target
        if place.in_place and target == source:
            continue
        if target.resolve() == source.resolve():
            raise UsageError(
                "would be replaced by its own amendment",
                hint="`--in-place` does that; `--output` names another folder",
                place=(str(source),),
            )
    targets = [change.target for change in changes]
    for target in targets:
        if targets.count(target) > 1:
            raise UsageError(f"two results would be `{target}`")


def _check_free(planned: Plan) -> None:
    """Nothing is where a result goes, but for what it replaces in place."""
    for change in planned.changes:
        source, target = change.before.path, change.target
        if not (planned.in_place and target == source) and target.exists():
            raise UsageError(
                "is there already",
                hint="remove it, or name another folder with `--output`",
                place=(str(target),),
            )


def _head(document: Document) -> bytes:
    return b"".join(header.raw for header in document.headers)


def _lines(text: bytes) -> list[str]:
    return text.decode("utf-8", "backslashreplace").splitlines()


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
