"""Tokens: who may do what. Only digests are kept; a token is shown once, when it is made."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name
from sqlalchemy import Connection, Row, delete, insert, select

from trueup.sources.store.database import Database
from trueup.sources.store.tables import TOKENS

__all__ = ["Scope", "Token", "Tokens", "digest_of", "token_of"]

_PREFIX = "trueup-"
ANY = "*"
_KEPT = 30 * 86_400.0
"""Seconds for which a token is listed after its end: whoever wonders finds out."""

_ELSEWHERE = frozenset({"metrics"})
"""What a token may do that has nothing to do with projects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a token allows: names, or ``*`` for all."""

    projects: tuple[str, ...] = (ANY,)
    actions: tuple[str, ...] = ("upload", "publish")
    channels: tuple[str, ...] = (ANY,)

    def allows(self, action: str, channel: str, project: str) -> bool:
        """Whether the token may do this to a project in a channel."""
        return (
            (ANY in self.actions or action in self.actions)
            and (ANY in self.channels or channel in self.channels)
            and (ANY in self.projects or canonicalize_name(project) in self.projects)
        )

    def sees(self, channel: str, project: str) -> bool:
        """Whether what is published of a project there is shown: to readers and who works on it."""
        return self._allows_more(channel, project, than=_ELSEWHERE)

    def works_on(self, channel: str, project: str) -> bool:
        """Whoever may change something of a project there also sees what waits, and the log."""
        return self._allows_more(channel, project, than=_ELSEWHERE | {"read"})

    def _allows_more(self, channel: str, project: str, *, than: frozenset[str]) -> bool:
        actions = (action for action in self.actions if action not in than)
        return any(self.allows(action, channel, project) for action in actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that is kept: its name stands in the audit log."""

    id: int
    name: str
    scope: Scope
    expires: float | None


class Tokens(Database):
    """The tokens of an index."""

    def make(self, name: str, scope: Scope, *, seconds: float | None = None) -> str:
        """A new token, returned in plain text this once; ``seconds`` until it expires."""
        with self.change() as connection:
            self.sweep_tokens(connection)
            expires = None if seconds is None else self.clock() + seconds
            text, _ = self.insert_token(connection, name, scope, expires)
        return text

    def insert_token(
        self, connection: Connection, name: str, scope: Scope, expires: float | None
    ) -> tuple[str, int]:
        """A new token: (its text, its number)."""
        text = _PREFIX + secrets.token_urlsafe(32)
        added = insert(TOKENS).values(
            digest=digest_of(text),
            name=name,
            scope=json.dumps([scope.projects, scope.actions, scope.channels]),
            made=self.clock(),
            expires=expires,
        )
        return text, int(connection.execute(added.returning(TOKENS.c.id)).scalar_one())

    def sweep_tokens(self, connection: Connection) -> None:
        """Forget tokens that expired long ago."""
        connection.execute(delete(TOKENS).where(TOKENS.c.expires <= self.clock() - _KEPT))

    def find(self, text: str) -> Token | None:
        """The token of that text, if there is one and it has not expired."""
        digest = digest_of(text)
        with self.look() as connection:
            row = connection.execute(select(TOKENS).where(TOKENS.c.digest == digest)).first()
        if row is None or not hmac.compare_digest(row.digest, digest):
            return None
        if row.expires is not None and row.expires <= self.clock():
            return None
        return token_of(row)

    def all(self) -> Sequence[Token]:
        """Every token, without its text."""
        with self.look() as connection:
            rows = connection.execute(select(TOKENS).order_by(TOKENS.c.id)).all()
        return [token_of(row) for row in rows]

    def revoke(self, number: int) -> bool:
        """Take a token away; False if there is none of that number."""
        with self.change() as connection:
            return bool(connection.execute(delete(TOKENS).where(TOKENS.c.id == number)).rowcount)


def digest_of(text: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(text.encode()).hexdigest()


def token_of(row: Row[Any]) -> Token:
    """A token from its row."""
    projects, actions, channels = json.loads(row.scope)
    return Token(
        id=row.id,
        name=row.name,
        scope=Scope(projects=tuple(projects), actions=tuple(actions), channels=tuple(channels)),
        expires=row.expires,
    )
