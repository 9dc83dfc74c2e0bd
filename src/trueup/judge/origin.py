"""Where an installed distribution comes from, and what was changed on the way: by evidence only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from trueup.judge.content import content_of, with_content
from trueup.judge.patch import apply_ledger
from trueup.model.artifact import Artifact, WheelName
from trueup.model.document import parse_document
from trueup.model.errors import TrueupError
from trueup.model.installed import DirectUrl, InstalledDistribution, Rows
from trueup.model.installedreport import Origin, OriginKind
from trueup.model.metadata import Metadata, Resolution, Unreadable, parse_metadata, title
from trueup.model.patch import Ledger

__all__ = ["Published", "candidates_of", "explain", "origin_of"]

_OWN = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "RECORD.jws", "RECORD.p7s",
                  "uv_cache.json", "uv_build.json"})  # fmt: skip
"""Files of a `*.dist-info` folder that installers write, or that signed the wheel."""
_FIELDS = ("requires-dist", "requires-python", "provides-extra", "default-extra")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published file: its metadata, and the rows of a wheel's RECORD as (path, digest), None where
    that was not read.
    """

    artifact: Artifact
    metadata: Metadata | Unreadable
    rows: frozenset[tuple[str, str]] | None = None


def candidates_of(one: InstalledDistribution, files: Iterable[Artifact]) -> list[Artifact]:
    """The published files that a distribution may have come from, the likeliest first.

    Wheels that share a tag with what is installed, or all of them where that is not known; then
    sdists.
    """
    files = list(files)
    wheels = [file for file in files if isinstance(file.name, WheelName)]
    alike = [
        file
        for file in wheels
        if not one.tags or (isinstance(file.name, WheelName) and file.name.tags & one.tags)
    ]
    others = [file for file in wheels if file not in alike]
    return [*alike, *others, *(file for file in files if file.is_sdist)]


def origin_of(one: InstalledDistribution, published: Sequence[Published]) -> Origin:
    """What is known of the file that a distribution was installed from.

    ``published`` are files of its release, the likeliest first, as :func:`candidates_of` has them.
    """
    found = _by_address(one, published) or _by_record(one, published)
    if one.owner is not None:
        return _compared(one, published, OriginKind.REPACKAGED, f"`{one.owner}`")
    if found is not None:
        return found
    if not published and one.direct_url is not None:
        known_by = "`direct_url.json`"
        return Origin(distribution=one, kind=OriginKind.DIRECT, known_by=known_by)
    if not published:
        known_by = "no file of this version is published"
        return Origin(distribution=one, kind=OriginKind.UNKNOWN, known_by=known_by)
    if isinstance(one.record, Rows) and any(item.rows is not None for item in published):
        alike = next((p for p in published if _is_named_alike(one, p.artifact)), None)
        if alike is not None:
            # Something was built here, or repacked, under the name of a published file.
            return _compared(one, (alike,), OriginKind.LOCAL_BUILD, "its RECORD is another one")
        return _compared(one, published, OriginKind.LOCAL_BUILD, "no published wheel has its tags")
    return _compared(one, published, OriginKind.UNKNOWN, "it has no RECORD to compare")


def _by_address(one: InstalledDistribution, published: Sequence[Published]) -> Origin | None:
    url = one.direct_url
    hashes = url.hashes if isinstance(url, DirectUrl) else None
    for item in published:
        if hashes and any(
            item.artifact.hashes.get(name) == digest for name, digest in hashes.items()
        ):
            return _as(one, item, OriginKind.PUBLISHED, "the hash in `direct_url.json`")
    return None


def _by_record(one: InstalledDistribution, published: Sequence[Published]) -> Origin | None:
    """The published wheel whose RECORD is the installed one, perhaps with other metadata."""
    rows = _rows(one)
    if rows is None:
        return None
    own = f"{one.folder}/METADATA"
    for item in published:
        if item.rows is None:
            continue
        theirs = _payload(item.rows)
        if rows == theirs:
            return _as(one, item, _named(one, item), "RECORD")
        if {row for row in rows if row[0] != own} == {row for row in theirs if row[0] != own}:
            return _as(one, item, _named(one, item), "RECORD, but for METADATA")
    return None


def _named(one: InstalledDistribution, item: Published) -> OriginKind:
    alike = _is_named_alike(one, item.artifact)
    return OriginKind.PUBLISHED if alike else OriginKind.RENAMED


def _is_named_alike(one: InstalledDistribution, artifact: Artifact) -> bool:
    name = artifact.name
    return isinstance(name, WheelName) and (not one.tags or bool(name.tags & one.tags))


def _rows(one: InstalledDistribution) -> frozenset[tuple[str, str]] | None:
    if not isinstance(one.record, Rows):
        return None
    return _payload((path, entry.digest) for path, entry in one.paths())


def _payload(rows: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Rows of what a wheel brings: without what installers add, compile, or put elsewhere."""
    return frozenset(
        (path, digest)
        for path, digest in rows
        if digest
        and not path.endswith((".pyc", "/"))
        and not path.startswith("..")
        and ".data/" not in path
        and not (".dist-info/" in path and path.rpartition("/")[2] in _OWN)
    )


def _as(one: InstalledDistribution, item: Published, kind: OriginKind, known_by: str) -> Origin:
    return Origin(
        distribution=one,
        kind=kind,
        known_by=known_by,
        filename=item.artifact.filename,
        changed=_changed(item.metadata, one.metadata),
    )


def _compared(
    one: InstalledDistribution, published: Sequence[Published], kind: OriginKind, known_by: str
) -> Origin:
    """Compared with the file that says the most alike: what is left was changed, or built so."""
    read = [item for item in published if isinstance(item.metadata, Metadata)]
    if not read:
        return Origin(distribution=one, kind=kind, known_by=known_by)
    best = min(read, key=lambda item: _distance(_changed(item.metadata, one.metadata)))
    return _as(one, best, kind, known_by)


_Changes = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


def _distance(changes: _Changes) -> int:
    return sum(len(before) + len(after) for _, before, after in changes)


def _changed(published: Metadata | Unreadable, installed: Metadata | Unreadable) -> _Changes:
    """The resolution fields that differ: what only the published file says, and only the installed."""
    if isinstance(published, Unreadable) or isinstance(installed, Unreadable):
        return ()
    found = []
    for field in _FIELDS:
        before, after = _said(published, field), _said(installed, field)
        if before != after:
            found.append(
                (title(field), tuple(sorted(before - after)), tuple(sorted(after - before)))
            )
    return tuple(found)


def _said(metadata: Metadata, field: str) -> frozenset[str]:
    resolution = metadata.resolution
    if isinstance(resolution, Unreadable):
        return frozenset(metadata.fields.get(field, ()))
    match field:
        case "requires-dist":
            return frozenset(map(str, resolution.requires_dist))
        case "requires-python":
            specifier = resolution.requires_python
            return frozenset() if specifier is None else frozenset({str(specifier)})
        case _:
            return _extras(resolution, field)


def _extras(resolution: Resolution, field: str) -> frozenset[str]:
    found = resolution.provides_extra if field == "provides-extra" else resolution.default_extra
    return frozenset(found)


def explain(origin: Origin, ledger: Ledger, published: bytes, *, today: date) -> Origin:
    """The origin with the fields that a ledger accounts for.

    ``published`` are the bytes of the published METADATA: patched by the ledger they must say what
    is installed. A ledger that does not apply explains nothing.
    """
    one = origin.distribution
    if not origin.changed or one.version is None or isinstance(one.metadata, Unreadable):
        return origin
    document = parse_document(published)
    content = content_of(document, None, project=one.project, version=one.version)
    try:
        application = apply_ledger(ledger, content, today=today, preemptive=None, accept_drift=True)
        patched = with_content(document, application.before, application.after)
    except (TrueupError, ValueError):
        return origin
    left = _changed(parse_metadata(bytes(patched)), one.metadata)
    still = {field for field, *_ in left}
    explained = tuple(field for field, *_ in origin.changed if field not in still)
    return replace(origin, explained=explained)
