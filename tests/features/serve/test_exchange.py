"""From an identity to a token that uploads: everything but HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.desks import open_desk
from tests.issuer import Issuer, rsa_key
from trueup.features.serve.exchange import SECONDS, Exchange
from trueup.features.serve.terms import github_terms
from trueup.features.serve.trusted import UntrustedError
from trueup.model.errors import NotFoundError
from trueup.sources.oidc import InvalidIdentityError, Keys, UnreadableIdentityError
from trueup.sources.store.publishers import Publisher, UsedError
from trueup.sources.store.store import Store


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Issuer() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_desk(tmp_path / "index") as desk:
        yield desk.store


@pytest.fixture
def exchange(store: Store) -> Iterator[Exchange]:
    store.set_audience("index", who="tests")
    found = Exchange(store, Keys({}))
    yield found
    found.close()


def trust(
    store: Store, issuer: Issuer, project: str = "lattice", owner_id: str | None = None
) -> Publisher:
    terms = github_terms(
        "octo/lattice", "release.yml", projects=[project], channels=["main"], issuer=issuer.url,
        owner_id=owner_id,
    )  # fmt: skip
    return store.add_publisher(terms, who="tests")


def test_a_token_for_what_the_publisher_may(
    store: Store, exchange: Exchange, issuer: Issuer
) -> None:
    trust(store, issuer)
    minted = exchange.mint(issuer.token())
    token = store.find(minted.text)
    assert token is not None
    assert token.name == "github: octo/lattice release.yml run 4711"
    for action, project, channel, allowed in [
        ("upload", "lattice", "main", True),
        ("publish", "Lattice", "main", True),
        ("upload", "mesh", "main", False),
        ("upload", "lattice", "mpi", False),
        ("delete", "lattice", "main", False),
        ("yank", "lattice", "main", False),
    ]:
        assert token.scope.allows(action, channel, project) is allowed
    # PEP 807, "Token Minting": not less than 15 minutes.
    assert SECONDS <= minted.expires - store.clock() <= SECONDS + 1


def test_an_identity_is_used_up(store: Store, exchange: Exchange, issuer: Issuer) -> None:
    trust(store, issuer)
    token = issuer.token()
    exchange.mint(token)
    with pytest.raises(UsedError):
        exchange.mint(token)
    exchange.mint(issuer.token())


def test_one_that_is_refused_is_not_used_up(
    store: Store, exchange: Exchange, issuer: Issuer
) -> None:
    trust(store, issuer, owner_id="8")
    token = issuer.token()
    with pytest.raises(UntrustedError):
        exchange.mint(token)
    trust(store, issuer)
    assert exchange.mint(token).scope.projects == ("lattice",)


def test_a_name_that_another_took_over_is_not_trusted(
    store: Store, exchange: Exchange, issuer: Issuer
) -> None:
    """The account was deleted, and somebody else registered its name and made a repository."""
    trust(store, issuer)
    exchange.mint(issuer.token())
    for changes in ({"repository_owner_id": "666"}, {"repository_id": "666"}):
        taken = issuer.token(**dict[str, Any](changes))
        with pytest.raises(UntrustedError) as caught:
            exchange.mint(taken)
        assert "is not what it was before: found `666`" in str(caught.value)
    exchange.mint(issuer.token())


def test_the_first_of_many_decides_for_all(
    store: Store, exchange: Exchange, issuer: Issuer
) -> None:
    """Both repositories ask at once, before any was pinned: one of them is trusted from then on."""
    trust(store, issuer)
    exchange.mint(issuer.token())  # the keys are known
    [publisher] = store.publishers()
    store.remove_publisher(publisher.id, who="tests")
    trust(store, issuer)
    tokens = [issuer.token(repository_id=str(number % 2)) for number in range(8)]

    def ask(text: str) -> bool:
        try:
            exchange.mint(text)
        except UntrustedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, tokens))
    assert sorted({tuple(answers[0::2]), tuple(answers[1::2])}) == [(False,) * 4, (True,) * 4]


def test_an_issuer_that_nobody_is_trusted_by_is_not_asked(
    store: Store, exchange: Exchange, issuer: Issuer
) -> None:
    trust(store, issuer)
    with Issuer(rsa_key("other")) as other:
        with pytest.raises(UnreadableIdentityError):
            exchange.mint(other.token())
        assert other.asked == []


def test_nobody_is_trusted(exchange: Exchange, issuer: Issuer) -> None:
    with pytest.raises(NotFoundError):
        exchange.audience()
    with pytest.raises(NotFoundError):
        exchange.mint(issuer.token())
    assert issuer.asked == []


def test_the_audience_is_what_the_index_says(store: Store, issuer: Issuer) -> None:
    trust(store, issuer)
    exchange = Exchange(store, Keys({}))
    name = exchange.audience()
    with pytest.raises(InvalidIdentityError):
        exchange.mint(issuer.token())
    assert exchange.mint(issuer.token(aud=name)).scope.projects == ("lattice",)
    store.set_audience("index", who="tests")
    assert exchange.mint(issuer.token()).scope.projects == ("lattice",)
    exchange.close()


def test_a_burnt_token_is_nothing(store: Store, exchange: Exchange, issuer: Issuer) -> None:
    trust(store, issuer)
    minted = exchange.mint(issuer.token())
    exchange.burn(minted.text)
    assert store.find(minted.text) is None
