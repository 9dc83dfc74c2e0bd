"""Trusted publishers: whose word is taken for which projects, and the tokens that were made so."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from packaging.utils import NormalizedName
from sqlalchemy import Connection, Row, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from trueup.model.errors import TrueupError
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.tables import AUDIENCE, IDENTITIES, MINTED, PUBLISHERS, TOKENS
from trueup.sources.store.tokens import Scope, Tokens, digest_of

__all__ = ["Kind", "Minted", "Publisher", "Publishers", "Terms", "UsedError"]

_KEPT = 120
"""Seconds for which an identity is remembered beyond its end: clocks differ."""


class Kind(StrEnum):
    """Who issues the identities of a publisher, and so which claims they have."""

    GITHUB = "github"
    GITLAB = "gitlab"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a publisher has to prove, and what it may do then.

    ``subject`` are the parts that the kind has a rule for (`repository`, `workflow`,
    `environment`); ``claims`` must be in the token to the letter; ``pinned`` are numbers of the
    repository and its owner, which stay the same when a name is given to somebody else: what is
    missing there is taken from the first token.
    """

    kind: Kind
    issuer: str
    subject: Mapping[str, str]
    claims: Mapping[str, str]
    pinned: Mapping[str, str]
    projects: tuple[NormalizedName, ...]
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """A publisher that is kept, under its number."""

    id: int
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A token that was just made: its text, shown this once, and its end in seconds since 1970."""

    text: str
    name: str
    scope: Scope
    expires: int


class UsedError(TrueupError):
    """An identity that was exchanged for a token before."""


class Publishers(Tokens):
    """Who needs no token of their own."""

    def add_publisher(self, terms: Terms, *, who: str) -> Publisher:
        """Trust a publisher from now on."""
        with self.change() as connection:
            number = connection.execute(
                insert(PUBLISHERS).values(made=self.clock(), **_columns(terms))
                .returning(PUBLISHERS.c.id)
            ).scalar_one()  # fmt: skip
            found = Publisher(id=number, terms=terms)
            self._note_publisher(connection, who, "trust", found)
        return found

    def publishers(self, issuer: str | None = None) -> tuple[Publisher, ...]:
        """All publishers, or those of one issuer, in the order in which they came."""
        wanted = select(PUBLISHERS).order_by(PUBLISHERS.c.id)
        if issuer is not None:
            wanted = wanted.where(PUBLISHERS.c.issuer == issuer)
        with self.look() as connection:
            return tuple(_publisher(row) for row in connection.execute(wanted))

    def issuers(self) -> frozenset[str]:
        """Those whose word counts for something."""
        with self.look() as connection:
            rows = connection.execute(select(PUBLISHERS.c.issuer).distinct())
            return frozenset(row.issuer for row in rows)

    def remove_publisher(self, number: int, *, who: str) -> bool:
        """Trust it no longer, and take away the tokens that it has; False if there is none."""
        with self.change() as connection:
            row = connection.execute(select(PUBLISHERS).where(PUBLISHERS.c.id == number)).first()
            if row is None:
                return False
            its = select(MINTED.c.token).where(MINTED.c.publisher == number)
            connection.execute(delete(TOKENS).where(TOKENS.c.id.in_(its)))
            connection.execute(delete(PUBLISHERS).where(PUBLISHERS.c.id == number))
            self._note_publisher(connection, who, "distrust", _publisher(row))
        return True

    def mint(
        self,
        publishers: Sequence[Publisher],
        *,
        scope: Scope,
        name: str,
        pins: Mapping[int, Mapping[str, str]],
        once: str,
        until: float,
        seconds: int,
        run: Mapping[str, str],
    ) -> Minted:
        """A token for ``seconds``, in exchange for the identity ``once``, which is used up by it.

        ``publishers`` are those it was decided for, ``pins`` what they are pinned to from now on,
        by their numbers; ``until`` is when the identity expires, ``run`` what is known of whoever
        asked. Raises UsedError; ChangedError if a publisher is not any more as it was.
        """
        with self.change() as connection:
            self._sweep(connection)
            keep = {"digest": once, "until": until + _KEPT}
            if not _insert_new(connection, IDENTITIES, keep):
                raise UsedError("this identity was exchanged for a token before")
            # Whole seconds, of which a client is told: not one less than it was promised.
            expires = math.ceil(self.clock()) + seconds
            text, token = self.insert_token(connection, name, scope, float(expires))
            for one in publishers:
                self._pin(connection, one, pins.get(one.id, {}))
                connection.execute(insert(MINTED).values(token=token, publisher=one.id))
            numbers = [one.id for one in publishers]
            self._note_scope(connection, name, "mint", scope, {"publishers": numbers, **run})
        return Minted(text=text, name=name, scope=scope, expires=expires)

    def burn(self, text: str) -> None:
        """Take a minted token away before its time; tokens of people stay."""
        with self.change() as connection:
            minted = select(MINTED.c.token)
            row = connection.execute(
                delete(TOKENS)
                .where(TOKENS.c.digest == digest_of(text), TOKENS.c.id.in_(minted))
                .returning(TOKENS.c.name)
            ).first()
            if row is not None:
                self.note(connection, row.name, "burn", "", "", "", None, None)

    def terms_of(self, token: int) -> Terms | None:
        """The terms of the publisher that a token was made for; None for one of a person."""
        wanted = select(PUBLISHERS).join(MINTED, MINTED.c.publisher == PUBLISHERS.c.id)
        with self.look() as connection:
            row = connection.execute(
                wanted.where(MINTED.c.token == token).order_by(PUBLISHERS.c.id)
            ).first()
        return None if row is None else _publisher(row).terms

    def audience(self) -> str:
        """Whom an identity must be meant for to count here; made up when it is first asked for.

        Everybody whose word is taken must name this index and no other, so an index has a name
        that no other has. It does not come from the address of a request, which a stranger chooses.
        """
        with self.look() as connection:
            found = connection.execute(select(AUDIENCE.c.audience)).scalar()
        if found is None:
            made = {"id": 1, "audience": f"index-{secrets.token_hex(8)}"}
            with self.change() as connection:
                _insert_new(connection, AUDIENCE, made)
                found = connection.execute(select(AUDIENCE.c.audience)).scalar_one()
        return str(found)

    def set_audience(self, audience: str, *, who: str) -> None:
        """Have identities meant for another name from now on."""
        with self.change() as connection:
            _insert_new(connection, AUDIENCE, {"id": 1, "audience": audience})
            connection.execute(update(AUDIENCE).values(audience=audience))
            self.note(connection, who, "audience", "", "", "", None, audience)

    def _sweep(self, connection: Connection) -> None:
        """Forget minted tokens that have expired, and identities that nobody can use again."""
        now = self.clock()
        self.sweep_tokens(connection)
        connection.execute(delete(IDENTITIES).where(IDENTITIES.c.until < now))
        connection.execute(
            delete(TOKENS).where(TOKENS.c.expires <= now, TOKENS.c.id.in_(select(MINTED.c.token)))
        )

    def _pin(self, connection: Connection, known: Publisher, pins: Mapping[str, str]) -> None:
        row = connection.execute(
            select(PUBLISHERS).where(PUBLISHERS.c.id == known.id).with_for_update()
        ).first()
        if row is None or _publisher(row) != known:
            raise ChangedError(f"publisher {known.id} was changed meanwhile")
        if pins:
            terms = replace(known.terms, pinned={**known.terms.pinned, **pins})
            connection.execute(
                update(PUBLISHERS).where(PUBLISHERS.c.id == known.id).values(**_columns(terms))
            )

    def _note_publisher(
        self, connection: Connection, who: str, action: str, publisher: Publisher
    ) -> None:
        terms = publisher.terms
        scope = Scope(projects=terms.projects, channels=terms.channels)
        told = {"publisher": publisher.id, "issuer": terms.issuer, **terms.subject, **terms.claims}
        self._note_scope(connection, who, action, scope, told)

    def _note_scope(
        self, connection: Connection, who: str, action: str, scope: Scope, told: Mapping[str, Any]
    ) -> None:
        """One entry; what does not fit its columns is in its detail."""
        one = len(scope.projects) == 1
        detail = json.dumps({"projects": scope.projects, "channels": scope.channels, **told})
        project, channel = scope.projects[0] if one else "", scope.channels[0]
        self.note(connection, who, action, channel, project, "", None, detail)


def _insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row; False if its key is there already, also if another is inserting it now."""
    family = postgresql if connection.dialect.name == "postgresql" else sqlite
    added = family.insert(table).values(**row).on_conflict_do_nothing()
    # Counts of rows are not told for inserts by every driver.
    done = connection.execute(added.returning(*table.primary_key.columns))
    return done.first() is not None


def _columns(terms: Terms) -> dict[str, Any]:
    return {
        "kind": terms.kind.value,
        "issuer": terms.issuer,
        "subject": json.dumps(dict(terms.subject), sort_keys=True),
        "claims": json.dumps(dict(terms.claims), sort_keys=True),
        "pinned": json.dumps(dict(terms.pinned), sort_keys=True),
        "projects": json.dumps(terms.projects),
        "channels": json.dumps(terms.channels),
    }


def _publisher(row: Row[Any]) -> Publisher:
    terms = Terms(
        kind=Kind(row.kind),
        issuer=row.issuer,
        subject=json.loads(row.subject),
        claims=json.loads(row.claims),
        pinned=json.loads(row.pinned),
        projects=tuple(json.loads(row.projects)),
        channels=tuple(json.loads(row.channels)),
    )
    return Publisher(id=row.id, terms=terms)
