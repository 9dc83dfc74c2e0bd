"""One database: transactions, the generation that readers follow, and the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from trueup.model.errors import SourceError
from trueup.sources.store.tables import AUDIT, GENERATION, PAGES

__all__ = ["Database"]


class Database:
    """One database. Errors of the database become SourceError."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self.clock = clock

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """A transaction: all of it happens, or nothing."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise SourceError("the database does not answer", hint=str(error.args[0])) from error

    def seen(self, connection: Connection, project: str) -> None:
        """Pages of the project are out of date, in every view and every worker."""
        connection.execute(delete(PAGES).where(PAGES.c.project.in_((project, ""))))
        found = connection.execute(select(GENERATION.c.number)).first()
        if found is None:
            connection.execute(insert(GENERATION).values(id=1, number=1))
        else:
            connection.execute(update(GENERATION).values(number=GENERATION.c.number + 1))

    def generation(self) -> int:
        """A number that grows with every change that readers can see."""
        with self.change() as connection:
            found = connection.execute(select(GENERATION.c.number)).first()
            return 0 if found is None else int(found.number)

    def note(
        self, connection: Connection, who: str, action: str, channel: str, project: str,
        version: str, filename: str | None, detail: str | None,
    ) -> None:  # fmt: skip
        connection.execute(
            insert(AUDIT).values(
                at=self.clock(), who=who, action=action, channel=channel, project=project,
                version=version, filename=filename, detail=detail,
            )
        )  # fmt: skip

    def audit(self, limit: int = 200) -> tuple[Mapping[str, Any], ...]:
        """The newest entries of the audit log."""
        with self.change() as connection:
            rows = connection.execute(select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit))
            return tuple(row._asdict() for row in rows)
