"""Publishers and the tokens made for them, alone and beside others who ask at the same time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from packaging.utils import NormalizedName
from sqlalchemy import Engine, func, select

from trueup.sources.store.failures import ChangedError
from trueup.sources.store.publishers import Kind, Minted, Publisher, Terms, UsedError
from trueup.sources.store.schema import upgrade
from trueup.sources.store.store import Scope, Store
from trueup.sources.store.tables import IDENTITIES, MINTED, TOKENS

TERMS = Terms(
    kind=Kind.GITHUB,
    issuer="https://ci.test",
    subject={"repository": "octo/lattice", "workflow": "release.yml"},
    claims={},
    pinned={},
    projects=(NormalizedName("lattice"),),
    channels=("main",),
)
SCOPE = Scope(projects=("lattice",), actions=("upload", "publish"), channels=("main",))


class Clock:
    now = 1000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> Store:
    upgrade(engine)
    return Store(engine, clock=clock)


def mint(
    store: Store, *publishers: Publisher, once: str = "a", until: float = 1300.0,
    pins: Mapping[int, Mapping[str, str]] | None = None,
) -> Minted:  # fmt: skip
    return store.mint(
        publishers, scope=SCOPE, name="github: octo/lattice release.yml run 1", pins=pins or {},
        once=once, until=until, seconds=900, run={"run_id": "1"},
    )  # fmt: skip


def kept(store: Store) -> dict[str, int]:
    with store.look() as connection:
        tables = (TOKENS, MINTED, IDENTITIES)
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        }


def test_publishers_are_kept_as_they_are(store: Store) -> None:
    other = replace(TERMS, issuer="https://other.test", claims={"ref": "main"}, channels=("mpi",))
    first, second = store.add_publisher(TERMS, who="me"), store.add_publisher(other, who="me")
    assert store.publishers() == (first, second)
    assert store.publishers("https://other.test") == (second,)
    assert store.publishers("https://ci.test/") == ()
    assert store.issuers() == {"https://ci.test", "https://other.test"}
    assert store.remove_publisher(first.id, who="me")
    assert not store.remove_publisher(first.id, who="me")
    assert store.issuers() == {"https://other.test"}
    actions = [(one["action"], one["project"], one["channel"]) for one in store.audit()]
    assert actions == [
        ("distrust", "lattice", "main"), ("trust", "lattice", "mpi"), ("trust", "lattice", "main")
    ]  # fmt: skip


def test_a_token_lives_as_long_as_it_says(store: Store, clock: Clock) -> None:
    minted = mint(store, store.add_publisher(TERMS, who="me"))
    assert (minted.expires, minted.scope) == (1901, SCOPE)
    found = store.find(minted.text)
    assert found is not None
    assert (found.name, found.scope) == (minted.name, SCOPE)
    clock.now = 1900.9
    assert store.find(minted.text) is not None
    clock.now = 1901.0
    assert store.find(minted.text) is None


def test_the_log_has_the_run_and_not_the_token(store: Store) -> None:
    minted = mint(store, store.add_publisher(TERMS, who="me"))
    entry = store.audit()[0]
    assert (entry["who"], entry["action"]) == (minted.name, "mint")
    assert json.loads(entry["detail"]) == {
        "projects": ["lattice"], "channels": ["main"], "publishers": [1], "run_id": "1"
    }  # fmt: skip
    assert minted.text not in json.dumps([dict(one) for one in store.audit()])


def test_an_identity_counts_once(store: Store, clock: Clock) -> None:
    publisher = store.add_publisher(TERMS, who="me")
    mint(store, publisher)
    for _ in range(2):
        with pytest.raises(UsedError):
            mint(store, publisher)
        clock.now = 1329.0  # what is refused, is refused until clocks cannot differ so much
    mint(store, publisher, once="b")


def test_an_identity_counts_once_beside_others(store: Store) -> None:
    publisher = store.add_publisher(TERMS, who="me")

    def ask(number: int) -> str:
        try:
            return mint(store, publisher).text
        except UsedError:
            return "used"

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    assert answers.count("used") == 5
    assert kept(store) == {"token": 1, "minted": 1, "identity": 1}


def test_what_has_expired_is_swept(store: Store, clock: Clock) -> None:
    publisher = store.add_publisher(TERMS, who="me")
    store.make("people's", Scope(), seconds=1)
    mint(store, publisher)
    clock.now = 5000.0
    mint(store, publisher, once="b", until=5300.0)
    mint(store, publisher, once="c", until=5300.0)
    assert kept(store) == {"token": 3, "minted": 2, "identity": 2}
    assert [one.name for one in store.all()].count("people's") == 1


def test_whom_a_token_was_made_for(store: Store) -> None:
    other = replace(TERMS, claims={"ref": "main"})
    both = [store.add_publisher(terms, who="me") for terms in (TERMS, other)]
    found = [store.find(mint(store, *both).text), store.find(store.make("people's", Scope()))]
    minted, people = [one.id for one in found if one is not None]
    assert (store.terms_of(minted), store.terms_of(people)) == (TERMS, None)


def test_a_publisher_that_goes_takes_its_tokens_along(store: Store) -> None:
    first, second = store.add_publisher(TERMS, who="me"), store.add_publisher(TERMS, who="me")
    both = mint(store, first, second)
    other = mint(store, second, once="b")
    people = store.make("people's", Scope())
    store.remove_publisher(first.id, who="me")
    assert store.find(both.text) is None
    assert store.find(other.text) is not None
    assert store.find(people) is not None
    assert kept(store) == {"token": 2, "minted": 1, "identity": 2}


def test_a_token_that_is_revoked_is_gone_altogether(store: Store) -> None:
    minted = mint(store, store.add_publisher(TERMS, who="me"))
    found = store.find(minted.text)
    assert found is not None
    assert store.revoke(found.id)
    assert kept(store) == {"token": 0, "minted": 0, "identity": 1}


def test_pins_are_kept_with_the_token(store: Store) -> None:
    publisher = store.add_publisher(replace(TERMS, pinned={"repository_owner_id": "7"}), who="me")
    mint(store, publisher, pins={publisher.id: {"repository_id": "11"}})
    [now] = store.publishers()
    assert now.terms.pinned == {"repository_owner_id": "7", "repository_id": "11"}


CHANGES: dict[str, Any] = {
    "pinned": lambda store, one: mint(store, one, once="x", pins={one.id: {"repository_id": "1"}}),
    "removed": lambda store, one: store.remove_publisher(one.id, who="me"),
    "another under its number": lambda store, one: (
        store.remove_publisher(one.id, who="me"),
        store.add_publisher(replace(TERMS, projects=(NormalizedName("mesh"),)), who="me"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_decision_about_what_is_not_any_more_is_no_token(store: Store, change: str) -> None:
    publisher = store.add_publisher(TERMS, who="me")
    CHANGES[change](store, publisher)
    before = kept(store)
    with pytest.raises(ChangedError):
        mint(store, publisher)
    assert kept(store) == before


def test_a_minted_token_can_be_burnt_and_no_other(store: Store) -> None:
    minted = mint(store, store.add_publisher(TERMS, who="me"))
    people = store.make("people's", Scope())
    for text in (minted.text, minted.text, people, "unknown"):
        store.burn(text)
    assert store.find(minted.text) is None
    assert store.find(people) is not None
    assert [one["action"] for one in store.audit()] == ["burn", "mint", "trust"]


def test_every_index_has_a_name_of_its_own(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        [name] = set(pool.map(lambda _: store.audience(), range(4)))
    assert name.startswith("index-")
    assert len(name) == 22
    store.set_audience("https://packages.test/", who="me")
    assert store.audience() == "https://packages.test/"


def test_a_name_that_is_given_first(store: Store) -> None:
    store.set_audience("packages", who="me")
    assert store.audience() == "packages"
