"""What installers are told of a project, read back from their page: for people, and to compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

import msgspec
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.desk import Desk, View
from trueup.features.serve.outcome import Account
from trueup.features.serve.view import CORRECTED
from trueup.interfaces.report.words import natural
from trueup.model.artifact import Artifact, OtherName, SdistName, WheelName, parse_filename
from trueup.sources.release import version_of
from trueup.sources.store.store import HostedFile, Page

__all__ = ["Change", "FileRow", "Listed", "changes", "in_order", "listed", "rows_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file as a page for people shows it; ``url`` None: it cannot be had.

    ``uploaded`` is in seconds since 1970; ``yanked`` the reason, None for a file that is not.
    """

    filename: str
    url: str | None = None
    sha256: str | None = None
    size: int | None = None
    uploaded: float | None = None
    uploader: str | None = None
    yanked: str | None = None
    provenance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The files of a project by version, in the order of the page; ``others`` have no version.

    ``made`` is when the page was made (seconds since 1970); ``stale`` says that the index behind did
    not answer then; ``status`` is the project's (PEP 792).
    """

    versions: Mapping[Version, Sequence[FileRow]]
    others: int
    made: float
    stale: bool
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How the corrected page of a release differs from the faithful one.

    ``derived`` are wheels that only it has, ``hidden`` files that it does not list, ``yanked`` those
    that only it yanks, with the reason; ``said`` is why, in sentences; ``is_open``: more will be
    known later.
    """

    derived: tuple[FileRow, ...] = ()
    hidden: tuple[str, ...] = ()
    yanked: tuple[tuple[str, str], ...] = ()
    said: tuple[str, ...] = ()
    is_open: bool = False

    def __bool__(self) -> bool:
        return bool(self.derived or self.hidden or self.yanked)


class _File(msgspec.Struct, rename="kebab", frozen=True, kw_only=True):
    filename: str
    url: str
    hashes: dict[str, str] = field(default_factory=dict)
    size: int | None = None
    upload_time: datetime | None = None
    yanked: bool | str = False
    provenance: str | None = None


class _Document(msgspec.Struct, rename="kebab", frozen=True, kw_only=True):
    files: list[_File]
    project_status: dict[str, str] | None = None


_read = msgspec.json.Decoder(_Document).decode


def listed(desk: Desk, view: View, project: NormalizedName) -> Listed:
    """A project as a view lists it; raises NotFoundError, SourceError."""
    return _listed(desk.page(view, project, "json"), project)


def changes(
    desk: Desk, channel: str, project: NormalizedName, version: Version, *, make: bool
) -> Change | None:
    """What the corrected view does with a release, if its page is there or may be made now.

    None if nobody asked for that page yet. Raises NotFoundError, SourceError.
    """
    view = View(channel=channel, steps=(CORRECTED,))
    if make:
        found: Page | None = desk.page(view, project, "json")
    else:
        key = (view.key, project, "json")
        found = desk.remembered(key) or desk.store.page(*key)
    if found is None:
        return None
    faithful = listed(desk, View(channel=channel), project).versions.get(version, ())
    corrected = _listed(found, project).versions.get(version, ())
    account = _account(desk, view, project, version) if make else None
    outcome = None if account is None else account.outcome
    before = {file.filename: file for file in faithful}
    after = {file.filename: file for file in corrected}
    return Change(
        derived=tuple(file for file in corrected if file.filename not in before),
        hidden=tuple(file.filename for file in faithful if file.filename not in after),
        yanked=tuple(
            (name, file.yanked)
            for name, file in after.items()
            if file.yanked is not None and name in before and before[name].yanked is None
        ),
        said=() if outcome is None else outcome.said,
        is_open=account is not None and not account.is_known,
    )


def _account(desk: Desk, view: View, project: NormalizedName, version: Version) -> Account | None:
    """What became of a release in a view; None if there was nothing to look into."""
    found = (one for one in desk.accounts(view, project) if one.version == version)
    return next(found, None)


def in_order(files: Iterable[FileRow]) -> tuple[FileRow, ...]:
    """sdists first, then wheels, each by name."""
    return tuple(sorted(files, key=lambda one: (_rank(one.filename), natural(one.filename))))


def _rank(filename: str) -> int:
    kinds = (SdistName, WheelName, OtherName)
    return kinds.index(type(parse_filename(filename)))


def rows_of(
    files: Sequence[HostedFile], shown: Sequence[FileRow], attested: Mapping[str, str]
) -> tuple[FileRow, ...]:
    """Files that were uploaded; those that are ``shown`` to readers can be had. ``attested`` are
    the addresses of their provenance, by file name.
    """
    known = {file.filename: file for file in shown}
    nothing = FileRow(filename="")
    return in_order(
        FileRow(
            filename=file.filename,
            url=known.get(file.filename, nothing).url,
            sha256=file.sha256,
            size=file.size,
            uploaded=file.uploaded,
            uploader=file.uploader,
            yanked=file.yanked,
            provenance=attested.get(file.filename),
        )
        for file in files
    )


def _listed(page: Page, project: NormalizedName) -> Listed:
    found = _parsed(page.body, project)
    return replace(found, made=page.made, stale=page.stale)


@lru_cache(maxsize=16)
def _parsed(body: bytes, project: NormalizedName) -> Listed:
    """The page of a large project takes a third of a second, and several looks come together."""
    document = _read(body)
    versions: dict[Version, list[FileRow]] = {}
    others = 0
    for file in document.files:
        name = parse_filename(file.filename, project)
        version = version_of(Artifact(filename=file.filename, url=file.url, name=name), project)
        if version is None:
            others += 1
        else:
            versions.setdefault(version, []).append(_row(file))
    return Listed(
        versions=versions,
        others=others,
        made=0.0,
        stale=False,
        status=(document.project_status or {}).get("status"),
    )


def _row(file: _File) -> FileRow:
    reason = file.yanked if isinstance(file.yanked, str) else ""
    return FileRow(
        filename=file.filename,
        url=_link(file.url),
        sha256=file.hashes.get("sha256"),
        size=file.size,
        uploaded=None if file.upload_time is None else file.upload_time.timestamp(),
        yanked=reason if file.yanked is not False else None,
        provenance=_link(file.provenance),
    )


def _link(url: str | None) -> str | None:
    """An address that a browser may be sent to: the index behind could name any other kind."""
    safe = url is not None and url.startswith(("/", "http://", "https://"))
    return url if safe else None
