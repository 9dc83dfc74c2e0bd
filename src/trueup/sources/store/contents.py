"""Which files an index needs, by their digests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, and_, delete, select

from trueup.sources.store.database import Database
from trueup.sources.store.tables import DERIVED, FILES, PAGES, REMOTE_FILES, SESSION_FILES

__all__ = ["Content", "Contents", "DerivedRow", "Kind", "PageRow", "contents_of"]

_CAME = and_(SESSION_FILES.c.state == "pending", SESSION_FILES.c.sha256.is_not(None))
"""Files of a session that are there, and not complete: those that are stand with the uploaded."""


class Kind(StrEnum):
    """Why a file is kept."""

    UPLOADED = "uploaded"
    ORIGINAL = "original of a derived wheel"
    UPSTREAM = "of the index behind"
    ANNOUNCED = "came in a publishing session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One content; only what is uploaded, or the original of a derived wheel, has to be there.

    ``size`` in bytes, None where nobody said it; ``remote``: the index behind had it as well.
    """

    sha256: str
    filename: str
    size: int | None
    kind: Kind
    remote: bool = False

    @property
    def must_be_there(self) -> bool:
        return self.kind in (Kind.UPLOADED, Kind.ORIGINAL)


def contents_of(connection: Connection) -> Mapping[str, Content]:
    """Every file that the database names, by its sha256."""
    return {one.sha256: one for one in _contents(connection)}


def _contents(connection: Connection) -> Iterator[Content]:
    # Of several reasons to keep a file the last one told is the strongest.
    announced = select(SESSION_FILES.c.sha256, SESSION_FILES.c.filename, SESSION_FILES.c.size)
    for row in connection.execute(announced.where(_CAME)):
        yield Content(sha256=row.sha256, filename=row.filename, size=row.size, kind=Kind.ANNOUNCED)
    remote = select(REMOTE_FILES.c.sha256, REMOTE_FILES.c.filename, REMOTE_FILES.c.size)
    for row in connection.execute(remote):
        yield Content(sha256=row.sha256, filename=row.filename, size=row.size, kind=Kind.UPSTREAM)
    originals = (
        select(
            DERIVED.c.original,
            DERIVED.c.filename,
            REMOTE_FILES.c.size,
            REMOTE_FILES.c.sha256.label("remote"),
        )
        .select_from(DERIVED.outerjoin(REMOTE_FILES, REMOTE_FILES.c.sha256 == DERIVED.c.original))
        .order_by(DERIVED.c.filename)
    )
    for made in connection.execute(originals):
        yield Content(
            sha256=made.original,
            filename=f"original of {made.filename}",
            size=made.size,
            kind=Kind.ORIGINAL,
            remote=made.remote is not None,
        )
    uploaded = select(FILES.c.sha256, FILES.c.filename, FILES.c.size).order_by(FILES.c.filename)
    for row in connection.execute(uploaded):
        yield Content(sha256=row.sha256, filename=row.filename, size=row.size, kind=Kind.UPLOADED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """The key of a rendered page."""

    view: str
    project: str
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRow:
    """A derived wheel as it is kept."""

    sha256: str
    original: str
    filename: str
    size: int
    recipe: bytes


class Contents(Database):
    """For what looks after the files."""

    def contents(self) -> Mapping[str, Content]:
        """Every file that is named now."""
        with self.look() as connection:
            return contents_of(connection)

    def names(self, sha256: str) -> bool:
        """Whether anything names a content now."""
        with self.look() as connection:
            return any(
                connection.execute(wanted.limit(1)).first()
                for wanted in (
                    select(FILES.c.id).where(FILES.c.sha256 == sha256),
                    select(DERIVED.c.sha256).where(DERIVED.c.original == sha256),
                    select(REMOTE_FILES.c.sha256).where(REMOTE_FILES.c.sha256 == sha256),
                    select(SESSION_FILES.c.id).where(SESSION_FILES.c.sha256 == sha256, _CAME),
                )
            )

    def page_rows(self) -> tuple[PageRow, ...]:
        """Which pages are rendered."""
        wanted = select(PAGES.c.view, PAGES.c.project, PAGES.c.form)
        with self.look() as connection:
            return tuple(PageRow(**row._asdict()) for row in connection.execute(wanted))

    def derived_rows(self) -> Iterator[DerivedRow]:
        """Every derived wheel, one at a time."""
        wanted = select(
            DERIVED.c.sha256, DERIVED.c.original, DERIVED.c.filename, DERIVED.c.size,
            DERIVED.c.recipe,
        )  # fmt: skip
        with self.look() as connection:
            keys = [row.sha256 for row in connection.execute(select(DERIVED.c.sha256))]
        for key in keys:
            with self.look() as connection:
                row = connection.execute(wanted.where(DERIVED.c.sha256 == key)).first()
            if row is not None:
                yield DerivedRow(**row._asdict())

    def forget_derived(self, sha256: str) -> None:
        """Take a derived wheel away; it is made anew with its page."""
        with self.change() as connection:
            connection.execute(delete(DERIVED).where(DERIVED.c.sha256 == sha256))
