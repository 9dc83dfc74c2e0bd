"""Who of several workers does what one of them has to do for all."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from trueup.sources.store.database import Database
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.tables import LEASES

__all__ = ["Leases"]


class Leases(Database):
    """A lease is held by one worker, until it gives it back or its time is over.

    It saves work that would be done twice; what is done must be right beside another all the same,
    since clocks differ and a worker may be held up while its lease ends.
    """

    def hold(self, name: str, holder: str, seconds: float) -> bool:
        """Take a lease, or keep it for ``seconds`` from now; False if another has it."""
        now = self.clock()
        wanted = {"holder": holder, "until": now + seconds}
        try:
            with self.change() as connection:
                row = connection.execute(
                    select(LEASES).where(LEASES.c.name == name).with_for_update()
                ).first()
                if row is None:
                    connection.execute(insert(LEASES).values(name=name, **wanted))
                elif row.holder == holder or row.until <= now:
                    connection.execute(update(LEASES).where(LEASES.c.name == name).values(**wanted))
                else:
                    return False
        except ChangedError:
            # Another took it first.
            return False
        return True

    def give_back(self, name: str, holder: str) -> None:
        """Let the next one have it now."""
        with self.change() as connection:
            connection.execute(
                delete(LEASES).where(LEASES.c.name == name, LEASES.c.holder == holder)
            )
