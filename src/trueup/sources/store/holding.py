"""What open publishing sessions hold: names that are taken, releases that only they publish.

Each function belongs into the transaction that changes a release, before it locks the release: the
session is locked first everywhere, so that two writers never wait for each other.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, select, update

from trueup.sources.store.failures import ChangedError
from trueup.sources.store.tables import PUBLISHING, SESSION_FILES

__all__ = ["about", "complete", "hold_name", "hold_release", "is_open"]


def is_open(now: float) -> ColumnElement[bool]:
    """Sessions that still take files."""
    return and_(PUBLISHING.c.state == "open", PUBLISHING.c.expires > now)


def hold_name(connection: Connection, channel: str, filename: str, now: float) -> None:
    """Raises ChangedError if a session has announced a file of that name."""
    taken = connection.execute(
        select(SESSION_FILES.c.id)
        .join(PUBLISHING, PUBLISHING.c.id == SESSION_FILES.c.session)
        .where(SESSION_FILES.c.channel == channel, SESSION_FILES.c.filename == filename)
        .where(is_open(now))
    ).first()
    if taken is not None:
        raise ChangedError(f"`{filename}` was announced in a session meanwhile")


def complete(connection: Connection, session: str, filename: str, sha256: str, now: float) -> None:
    """Mark a file of a session as taken; raises ChangedError if it may not be, any more."""
    row = connection.execute(
        select(PUBLISHING.c.id).where(PUBLISHING.c.id == session, is_open(now)).with_for_update()
    ).first()
    done = connection.execute(
        update(SESSION_FILES)
        .where(SESSION_FILES.c.session == session, SESSION_FILES.c.filename == filename)
        .where(SESSION_FILES.c.state == "pending", SESSION_FILES.c.sha256 == sha256)
        .values(state="completed", said=None, notices="[]")
    )
    if row is None or not done.rowcount:
        raise ChangedError(f"`{filename}` was changed meanwhile")


def about(channel: str, project: str, version: str) -> ColumnElement[bool]:
    """Sessions of a release."""
    return and_(
        PUBLISHING.c.channel == channel,
        PUBLISHING.c.project == project,
        PUBLISHING.c.version == version,
    )


def hold_release(
    connection: Connection, release: ColumnElement[bool], session: str | None, now: float
) -> None:
    """Have a release published by its session alone, which ends with that.

    ``release`` is what :func:`about` says of it. Raises ChangedError if another session has it, or
    this one has files that are not complete.
    """
    holder = connection.execute(
        select(PUBLISHING.c.id).where(PUBLISHING.c.state == "open", release).with_for_update()
    ).scalar()
    if holder != session:
        raise ChangedError("a session has the release")
    if session is None:
        return
    waiting = connection.execute(
        select(SESSION_FILES.c.id).where(
            SESSION_FILES.c.session == session, SESSION_FILES.c.state != "completed"
        )
    ).first()
    if waiting is not None:
        raise ChangedError("a file of the session is not complete")
    connection.execute(
        update(PUBLISHING).where(PUBLISHING.c.id == session).values(state="published", ended=now)
    )
