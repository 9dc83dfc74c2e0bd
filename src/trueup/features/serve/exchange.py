"""An identity that a CI service vouches for is exchanged for a token that lives a quarter of an hour.

Source: PEP 807 (draft), which describes what uploaders do already.
"""

from __future__ import annotations

from trueup.features.serve.trusted import decide
from trueup.model.errors import NotFoundError
from trueup.sources.oidc import Keys, read_identity
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.publishers import Minted
from trueup.sources.store.store import Store

__all__ = ["SECONDS", "Exchange"]

SECONDS = 900
"""PEP 807, "Token Minting": not less than 15 minutes, nor more than 6 hours."""

_ATTEMPTS = 5


class Exchange:
    """Takes identities, and gives tokens."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    def audience(self) -> str:
        """Whom an identity must be meant for; raises NotFoundError if nobody is trusted."""
        self._issuers()
        return self._store.audience()

    def _issuers(self) -> frozenset[str]:
        found = self._store.issuers()
        if not found:
            # Uploaders take that for an index without trusted publishing, and use what else they
            # have; with any other answer they give up.
            raise NotFoundError("no publisher is trusted here")
        return found

    def mint(self, text: str, *, channel: str | None = None) -> Minted:
        """A token for the publishers that an identity stands for, which is used up by it.

        ``channel`` narrows it to one. Raises UnreadableIdentityError, InvalidIdentityError,
        IssuerError, UntrustedError, AmbiguousError, UsedError, StoreError, and NotFoundError if
        nobody is trusted.
        """
        issuers, audience = self._issuers(), self._store.audience()
        identity = read_identity(text, self._keys, issuers=issuers, audience=audience)
        for attempt in range(_ATTEMPTS):
            publishers = self._store.publishers(identity.issuer)
            trusted = decide(identity.claims, publishers, channel=channel)
            try:
                return self._store.mint(
                    trusted.publishers,
                    scope=trusted.scope,
                    name=trusted.name,
                    pins=trusted.pins,
                    once=identity.once,
                    until=identity.expires,
                    seconds=SECONDS,
                    run=trusted.run,
                )
            except ChangedError:
                # The publisher was changed or pinned by another request: decide again.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def burn(self, text: str) -> None:
        """Take a minted token away before its time."""
        self._store.burn(text)

    def close(self) -> None:
        """Give up the connections."""
        self._keys.close()
