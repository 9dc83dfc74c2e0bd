"""Tokens: who may do what. Only digests are kept; a token is shown once, when it is made."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from sqlalchemy import delete, insert, select

from trueup.sources.store.database import Database
from trueup.sources.store.tables import TOKENS

__all__ = ["Scope", "Token", "Tokens"]

_PREFIX = "trueup-"
ANY = "*"


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
        text = _PREFIX + secrets.token_urlsafe(32)
        now = self.clock()
        with self.change() as connection:
            connection.execute(
                insert(TOKENS).values(
                    digest=_digest(text),
                    name=name,
                    scope=json.dumps([scope.projects, scope.actions, scope.channels]),
                    made=now,
                    expires=None if seconds is None else now + seconds,
                )
            )
        return text

    def find(self, text: str) -> Token | None:
        """The token of that text, if there is one and it has not expired."""
        digest = _digest(text)
        with self.look() as connection:
            row = connection.execute(select(TOKENS).where(TOKENS.c.digest == digest)).first()
        if row is None or not hmac.compare_digest(row.digest, digest):
            return None
        if row.expires is not None and row.expires <= self.clock():
            return None
        return _token(row.id, row.name, row.scope, row.expires)

    def all(self) -> Sequence[Token]:
        """Every token, without its text."""
        with self.look() as connection:
            rows = connection.execute(select(TOKENS).order_by(TOKENS.c.id)).all()
        return [_token(row.id, row.name, row.scope, row.expires) for row in rows]

    def revoke(self, number: int) -> bool:
        """Take a token away; False if there is none of that number."""
        with self.change() as connection:
            return bool(connection.execute(delete(TOKENS).where(TOKENS.c.id == number)).rowcount)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _token(number: int, name: str, scope: str, expires: float | None) -> Token:
    projects, actions, channels = json.loads(scope)
    return Token(
        id=number,
        name=name,
        scope=Scope(projects=tuple(projects), actions=tuple(actions), channels=tuple(channels)),
        expires=expires,
    )
