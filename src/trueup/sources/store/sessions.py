"""People who logged in with a token: for some hours, and not longer than the token is good."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import delete, insert, select

from trueup.sources.store.tables import SESSIONS
from trueup.sources.store.tokens import Token, Tokens

__all__ = ["Sessions"]


class Sessions(Tokens):
    """Of a session only a digest is kept, as of a token; it ends with the token it came from."""

    def log_in(self, token: Token, *, seconds: float) -> str:
        """A new session, returned in plain text this once."""
        text, now = secrets.token_urlsafe(32), self.clock()
        with self.change() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires <= now))
            connection.execute(
                insert(SESSIONS).values(
                    digest=_digest(text), token=token.id, made=now, expires=now + seconds
                )
            )
        return text

    def visitor(self, text: str) -> Token | None:
        """The token of a session, if both are still good."""
        now = self.clock()
        with self.look() as connection:
            number = connection.execute(
                select(SESSIONS.c.token).where(
                    SESSIONS.c.digest == _digest(text), SESSIONS.c.expires > now
                )
            ).scalar()
        found = next((one for one in self.all() if one.id == number), None)
        return None if found is None or (found.expires or now + 1) <= now else found

    def log_out(self, text: str) -> None:
        """End a session."""
        with self.change() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == _digest(text)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
