"""People who logged in with a token: for some hours, and not longer than the token is good."""

from __future__ import annotations

import secrets

from sqlalchemy import delete, insert, or_, select

from trueup.sources.store.tables import SESSIONS, TOKENS
from trueup.sources.store.tokens import Token, Tokens, digest_of, token_of

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
                    digest=digest_of(text), token=token.id, made=now, expires=now + seconds
                )
            )
        return text

    def visitor(self, text: str) -> Token | None:
        """The token of a session, if both are still good."""
        now = self.clock()
        wanted = (
            select(TOKENS)
            .join(SESSIONS, SESSIONS.c.token == TOKENS.c.id)
            .where(SESSIONS.c.digest == digest_of(text), SESSIONS.c.expires > now)
            .where(or_(TOKENS.c.expires.is_(None), TOKENS.c.expires > now))
        )
        with self.look() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else token_of(row)

    def log_out(self, text: str) -> None:
        """End a session."""
        with self.change() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == digest_of(text)))
