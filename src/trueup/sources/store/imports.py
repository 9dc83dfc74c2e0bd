"""What another index said about files that were taken over from it."""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version
from sqlalchemy import insert, select, update

from trueup.sources.store.database import Database
from trueup.sources.store.tables import FILES, RELEASES

__all__ = ["Imports", "copy_release"]


class Imports(Database):
    """Written after a file was taken, and before its release is shown."""

    def settle(
        self, channel: str, project: NormalizedName, filename: str, *, uploaded: float | None,
        yanked: str | None, who: str,
    ) -> None:  # fmt: skip
        """When a file was uploaded there (seconds since 1970), and why it was yanked; None: as it
        is here.
        """
        said: dict[str, float | str] = {}
        if uploaded is not None:
            said["uploaded"] = uploaded
        if yanked is not None:
            said["yanked"] = yanked
        this = (FILES.c.channel == channel, FILES.c.filename == filename)
        with self.change() as connection:
            row = connection.execute(select(FILES.c.uploaded, FILES.c.yanked).where(*this)).first()
            if row is None or all(getattr(row, key) == value for key, value in said.items()):
                return
            connection.execute(update(FILES).where(*this).values(**said))
            self.seen(connection, project)
            if yanked is not None and row.yanked != yanked:
                self.note(connection, who, "yank", channel, project, "", filename, yanked)


def copy_release(
    source: Database, target: Database, channel: str, project: NormalizedName, version: Version
) -> None:
    """Write a release as it is into another database, which does not have it."""
    this = (
        RELEASES.c.channel == channel,
        RELEASES.c.project == project,
        RELEASES.c.version == str(version),
    )
    with source.look() as connection:
        release = connection.execute(select(RELEASES).where(*this)).first()
        if release is None:
            return
        files = connection.execute(
            select(FILES).where(FILES.c.release == release.id).order_by(FILES.c.id)
        ).all()
    with target.change() as connection:
        connection.execute(insert(RELEASES).values(**release._asdict()))
        for file in files:
            connection.execute(insert(FILES).values(**file._asdict()))
