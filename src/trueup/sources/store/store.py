"""The store of an index: everything that its database keeps."""

from __future__ import annotations

from trueup.sources.store.attestations import Attestations
from trueup.sources.store.catalogue import Catalogue
from trueup.sources.store.counts import Counts
from trueup.sources.store.discards import Discards
from trueup.sources.store.holders import Holders
from trueup.sources.store.leases import Leases
from trueup.sources.store.proofs import Proofs
from trueup.sources.store.publishers import Publishers
from trueup.sources.store.publishing import Publishing
from trueup.sources.store.releases import HostedFile, HostedRelease, Releases, State
from trueup.sources.store.sessions import Sessions
from trueup.sources.store.shown import Page, Shown
from trueup.sources.store.tokens import Scope, Token

__all__ = ["HostedFile", "HostedRelease", "Page", "Scope", "State", "Store", "Token"]


class Store(
    Releases,
    Shown,
    Sessions,
    Counts,
    Leases,
    Catalogue,
    Publishers,
    Publishing,
    Discards,
    Attestations,
    Holders,
    Proofs,
):
    """One database; every write that readers can see is one step."""
