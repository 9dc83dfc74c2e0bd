"""What the database of an index promises, alone and beside others who write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version
from sqlalchemy import Engine, update

from trueup.sources.store.failures import ChangedError, StoreError
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import HostedFile, HostedRelease, Scope, State, Store
from trueup.sources.store.tables import GENERATION

DEMO, ONE = NormalizedName("demo"), Version("1.0")


def file(name: str, content: str = "0") -> HostedFile:
    return HostedFile(
        filename=name, sha256=content * 64, size=1, core_metadata=b"Name: demo\n",
        requires_python=None, yanked=None, uploaded=1.0, uploader="somebody",
    )  # fmt: skip


def stage(store: Store, name: str, *, content: str = "0", channel: str = "main") -> None:
    store.add_file(
        channel, DEMO, ONE, file(name, content), verdict={}, state=State.STAGED,
        beside=store.release(channel, DEMO, ONE),
    )  # fmt: skip


def staged(store: Store) -> HostedRelease:
    found = store.release("main", DEMO, ONE)
    assert found is not None
    return found


def published(store: Store) -> HostedRelease:
    stage(store, "a.whl")
    store.publish(staged(store), who="me", verdict={})
    return staged(store)


def keep(store: Store, generation: int, body: bytes = b"page") -> None:
    store.keep_page("main", DEMO, "json", body, generation=generation, stale=False)


def test_nothing_shows_before_publish_and_everything_after(store: Store) -> None:
    stage(store, "a.whl", content="a")
    stage(store, "b.whl", content="b")
    assert (store.releases("main", DEMO), store.owns("main", DEMO)) == ((), False)
    assert (store.projects("main"), store.hosted_file("a" * 64)) == ((), None)
    before = store.generation()
    store.publish(staged(store), who="me", verdict={"class": "consistent"})
    [found] = store.releases("main", DEMO)
    assert [one.filename for one in found.files] == ["a.whl", "b.whl"]
    assert found.verdict == {"class": "consistent"}
    assert store.owns("main", DEMO)
    assert not store.owns("other", DEMO)
    assert store.hosted_file("a" * 64) is not None
    assert store.generation() > before


CHANGES: dict[str, Callable[[Store], object]] = {
    "publish": lambda store: store.publish(staged(store), who="me", verdict={}),
    "another file": lambda store: stage(store, "b.whl"),
    "yank": lambda store: store.set_yanked("main", DEMO, "a.whl", "broken", who="me"),
    "delete": lambda store: store.remove(staged(store), who="me"),
    "quarantine": lambda store: store.set_state(staged(store), State.QUARANTINED, who="me"),
    "forget": lambda store: store.forget_pages(DEMO),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_readers_see_takes_the_pages_away(store: Store, change: str) -> None:
    published(store)
    before = store.generation()
    keep(store, before)
    assert store.page("main", DEMO, "json") is not None
    CHANGES[change](store)
    assert store.generation() == before + 1
    assert store.page("main", DEMO, "json") is None


def test_staging_changes_nothing_for_readers(store: Store) -> None:
    before = store.generation()
    keep(store, before)
    stage(store, "a.whl")
    store.close(staged(store), who="me")
    assert store.generation() == before
    assert store.page("main", DEMO, "json") is not None


def test_a_page_of_an_old_state_is_not_kept(store: Store) -> None:
    old = store.generation()
    published(store)
    keep(store, old)
    assert store.page("main", DEMO, "json") is None
    keep(store, store.generation(), b"new")
    page = store.page("main", DEMO, "json")
    assert page is not None
    assert page.body == b"new"


def test_what_is_published_is_what_was_compared(store: Store) -> None:
    stage(store, "a.whl")
    compared = staged(store)
    stage(store, "b.whl")
    with pytest.raises(ChangedError, match=r"demo 1\.0 was changed meanwhile"):
        store.publish(compared, who="me", verdict={})
    with pytest.raises(ChangedError):
        store.add_file(
            "main", DEMO, ONE, file("c.whl"), verdict={}, state=State.STAGED, beside=compared
        )
    assert staged(store).state is State.STAGED
    assert len(staged(store).files) == 2


def test_a_release_that_was_published_meanwhile_is_not_put_back(store: Store) -> None:
    stage(store, "a.whl")
    seen = staged(store)
    store.publish(seen, who="me", verdict={})
    with pytest.raises(ChangedError):
        store.set_state(seen, State.QUARANTINED, who="quiet period")
    assert staged(store).state is State.PUBLISHED


def test_the_number_of_a_deleted_release_means_no_other(store: Store) -> None:
    stage(store, "a.whl")
    gone = staged(store)
    store.remove(gone, who="me")
    stage(store, "b.whl")
    with pytest.raises(ChangedError):
        store.publish(gone, who="me", verdict={})
    store.add_file(
        "main", NormalizedName("other"), ONE, file("o.whl"), verdict={}, state=State.STAGED,
        beside=None,
    )  # fmt: skip
    other = store.release("main", NormalizedName("other"), ONE)
    assert other is not None
    store.remove(other, who="me")
    assert len(staged(store).files) == 1


def test_a_file_name_is_taken_once_in_a_channel(store: Store) -> None:
    stage(store, "a.whl")
    with pytest.raises(ChangedError):
        stage(store, "a.whl", content="1")
    stage(store, "a.whl", content="1", channel="other")


def test_of_uploads_at_once_none_is_lost_and_none_unseen(store: Store) -> None:
    """Each writer looks again until nobody was faster: so each file was compared with all others."""
    seen: list[set[str]] = []

    def upload(number: int) -> None:
        while True:
            beside = store.release("main", DEMO, ONE)
            try:
                store.add_file(
                    "main", DEMO, ONE, file(f"{number}.whl"), verdict={}, state=State.STAGED,
                    beside=beside,
                )  # fmt: skip
            except ChangedError:
                continue
            seen.append({one.filename for one in beside.files} if beside else set())
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upload, range(8)))
    assert sorted(map(len, seen)) == list(range(8))


def test_pages_and_listings_at_once_do_not_collide(store: Store) -> None:
    files = [(f"{n:064x}", f"{n}.whl", "u", 5_000_000_000, None) for n in range(20)]

    def refresh(number: int) -> None:
        store.keep_remote(DEMO, b"listing", files if number % 2 else files[::-1])
        keep(store, store.generation())
        store.keep_derived(
            sha256="d" * 64,
            original="0" * 64,
            filename="d.whl",
            size=1,
            recipe=b"",
            core_metadata=b"",
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(refresh, range(16)))
    row = store.remote_file(files[3][0])
    assert row is not None
    assert (row.filename, row.url, row.size) == ("3.whl", "u", 5_000_000_000)
    assert store.has_name(files[3][0], "3.whl")
    assert store.has_name("d" * 64, "d.whl")
    assert not store.has_name("d" * 64, "3.whl")
    assert store.page("main", DEMO, "json") is not None


def test_no_stale_page_stays_beside_a_writer(store: Store) -> None:
    """Pages are made from what was read, while releases are published and deleted."""
    stop = threading.Event()

    def render() -> None:
        while not stop.is_set():
            generation = store.generation()
            count = len(store.releases("main", DEMO))
            keep(store, generation, str(count).encode())

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(render) for _ in range(2)]
        for _ in range(15):
            published(store)
            page = store.page("main", DEMO, "json")
            assert page is None or page.body == b"1"
            store.remove(staged(store), who="me")
            page = store.page("main", DEMO, "json")
            assert page is None or page.body == b"0"
        stop.set()
        for reader in readers:
            reader.result()


def test_who_wrote_what_is_in_the_audit_log(store: Store) -> None:
    published(store)
    store.set_yanked("main", DEMO, "a.whl", "broken", who="her")
    store.remove(staged(store), who="him")
    said = [(one["who"], one["action"], one["filename"]) for one in store.audit()]
    assert said == [
        ("him", "delete", None),
        ("her", "yank", "a.whl"),
        ("me", "publish", None),
        ("somebody", "upload", "a.whl"),
    ]


NOTHING: dict[str, Callable[[Store, HostedRelease], object]] = {
    "a file of another project": lambda store, gone: store.set_yanked(
        "main", NormalizedName("other"), "a.whl", "", who="me"
    ),
    "a file of another channel": lambda store, gone: store.set_yanked(
        "mpi", DEMO, "a.whl", "", who="me"
    ),
    "no file at all": lambda store, gone: store.set_yanked("main", DEMO, "b.whl", "", who="me"),
    "a release that was deleted": lambda store, gone: store.remove(gone, who="me"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_changes_nothing_is_not_noted(store: Store, case: str) -> None:
    gone = published(store)
    store.remove(gone, who="me")
    published(store)
    before = (store.generation(), len(store.audit()), staged(store).files)
    other = replace(gone, version=Version("2.0"))
    assert not NOTHING[case](store, other)
    assert (store.generation(), len(store.audit()), staged(store).files) == before
    with pytest.raises(ChangedError, match=r"demo 2.0 was deleted meanwhile"):
        store.close(other, who="me")
    assert len(store.audit()) == before[1]


def test_tokens_are_found_until_they_expire_or_are_revoked(store: Store) -> None:
    now = [1000.0]
    clocked = Store(store.engine, clock=lambda: now[0])
    scope = Scope(projects=("demo",), actions=("upload",), channels=("main",))
    text = clocked.make("ci", scope, seconds=60)
    found = clocked.find(text)
    assert found is not None
    assert (found.name, found.scope) == ("ci", scope)
    assert [scope.allows(*words) for words in (
        ("upload", "main", "Demo"), ("publish", "main", "demo"), ("upload", "mpi", "demo"),
        ("upload", "main", "other"),
    )] == [True, False, False, False]  # fmt: skip
    assert clocked.find(text + "x") is None
    now[0] += 60
    assert clocked.find(text) is None
    lasting = clocked.make("hers", scope)
    number = clocked.all()[-1].id
    assert (clocked.revoke(number), clocked.revoke(number)) == (True, False)
    assert clocked.find(lasting) is None


def test_a_number_means_one_token_for_ever(store: Store) -> None:
    store.make("first", Scope())
    [first] = store.all()
    store.revoke(first.id)
    store.make("second", Scope())
    [second] = store.all()
    assert second.id > first.id
    assert not store.revoke(first.id)


def test_expired_tokens_are_listed_for_a_month(store: Store) -> None:
    now = [1000.0]
    clocked = Store(store.engine, clock=lambda: now[0])
    clocked.make("old", Scope(), seconds=60)
    clocked.make("lasting", Scope())
    for days, names in ((29, ["old", "lasting", "29"]), (31, ["lasting", "29", "31"])):
        now[0] = 1060 + days * 86_400
        clocked.make(str(days), Scope())
        assert [one.name for one in clocked.all()] == names


@pytest.mark.parametrize(
    ("actions", "seen"),
    [
        (("read",), (True, False)),
        (("metrics",), (False, False)),
        (("read", "metrics"), (True, False)),
        (("yank",), (True, True)),
        (("*",), (True, True)),
    ],
)
def test_who_sees_what_is_published_and_what_waits(
    actions: tuple[str, ...], seen: tuple[bool, bool]
) -> None:
    scope = Scope(projects=("demo",), actions=actions, channels=("main",))
    assert (scope.sees("main", "Demo"), scope.works_on("main", "Demo")) == seen
    assert not scope.sees("mpi", "demo")
    assert not scope.works_on("main", "other")


def test_a_database_that_is_away_is_said_clearly(engine: Engine) -> None:
    upgrade(engine)
    away = open_engine("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(StoreError, match="the database does not answer") as caught:
        Store(away).generation()
    assert caught.value.hint
    away.dispose()


def test_a_page_is_not_kept_rather_than_waited_for(store: Store, address: str) -> None:
    other = open_engine(address)
    before = store.generation()
    with other.begin() as connection:
        # Somebody else writes, for as long as this lasts.
        connection.execute(update(GENERATION).values(number=GENERATION.c.number))
        begun = time.monotonic()
        page = store.keep_page("main", DEMO, "json", b"page", generation=before, stale=False)
        assert time.monotonic() - begun < 10, "writers wait for half a minute"
        assert page.body == b"page"
    assert store.page("main", DEMO, "json") is None
    keep(store, before)
    assert store.page("main", DEMO, "json") is not None
    other.dispose()
