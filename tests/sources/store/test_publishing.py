"""What the database promises about publishing sessions, alone and beside others who write."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version
from sqlalchemy import Engine

from trueup.sources.store.contents import Contents, Kind
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.publishing import (
    FileState,
    PublishingSession,
    SessionFile,
    SessionState,
)
from trueup.sources.store.schema import upgrade
from trueup.sources.store.store import HostedFile, HostedRelease, State, Store

DEMO, ONE = NormalizedName("demo"), Version("1.0")
A, B = "a" * 64, "b" * 64


class Clock:
    """A time that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> Store:
    upgrade(engine)
    return Store(engine, clock=clock)


def opened(store: Store, seconds: float = 60) -> PublishingSession:
    return store.open_session("main", DEMO, ONE, who="me", seconds=seconds)


def again(store: Store, session: PublishingSession) -> PublishingSession:
    found = store.publishing_session(session.id)
    assert found is not None
    return found


def announced(store: Store, session: PublishingSession, name: str = "a.whl") -> SessionFile:
    return store.announce(session, name, size=3, hashes={"sha256": A}, said=None)


def add(store: Store, name: str, sha256: str = A, session: str | None = None) -> None:
    store.add_file(
        "main", DEMO, ONE,
        HostedFile(
            filename=name, sha256=sha256, size=3, core_metadata=b"", requires_python=None,
            yanked=None, uploaded=1.0, uploader="me",
        ),
        verdict={}, state=State.STAGED, beside=store.release("main", DEMO, ONE), session=session,
    )  # fmt: skip


def completed(
    store: Store, session: PublishingSession, name: str = "a.whl", sha256: str = A
) -> SessionFile:
    file = announced(store, session, name)
    store.expect_bytes(file, sha256)
    add(store, name, sha256, session.id)
    found = again(store, session).file(name)
    assert found is not None
    return found


def names(store: Store) -> list[str]:
    found = store.release("main", DEMO, ONE)
    return [] if found is None else [file.filename for file in found.files]


def staged(store: Store) -> HostedRelease:
    found = store.release("main", DEMO, ONE)
    assert found is not None
    return found


def test_a_session_is_found_by_its_number_its_stage_and_its_release(store: Store) -> None:
    session = opened(store)
    assert again(store, session) == session
    assert store.staged_session(session.stage) == session
    assert store.session_of("main", DEMO, ONE) == session
    assert store.session_of("other", DEMO, ONE) is None
    assert store.publishing_session(session.stage) is None
    assert store.staged_session(session.id) is None
    assert len(session.stage) >= 43


def test_a_release_has_one_open_session(store: Store) -> None:
    first = opened(store)
    with pytest.raises(ChangedError):
        opened(store)
    store.open_session("other", DEMO, ONE, who="me", seconds=60)
    assert store.end_session(first.id, who="me")
    assert not store.end_session(first.id, who="me")
    assert opened(store).id != first.id
    assert again(store, first).state is SessionState.CANCELED


def test_of_several_at_once_one_opens_a_session(store: Store) -> None:
    def attempt(_: int) -> bool:
        try:
            opened(store)
        except ChangedError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_a_complete_file_is_a_file_of_the_release(store: Store) -> None:
    session = opened(store)
    file = completed(store, session)
    assert (file.state, file.sha256, names(store)) == (FileState.COMPLETED, A, ["a.whl"])
    store.publish(staged(store), who="me", verdict={}, session=session.id)
    assert staged(store).state is State.PUBLISHED
    assert again(store, session).state is SessionState.PUBLISHED
    assert store.session_of("main", DEMO, ONE) == again(store, session)
    assert store.staged_session(session.stage) is None


def test_a_published_release_gets_no_session(store: Store) -> None:
    add(store, "a.whl")
    store.publish(staged(store), who="me", verdict={})
    with pytest.raises(ChangedError, match="was published meanwhile"):
        opened(store)
    assert store.session_of("main", DEMO, ONE) is None


def test_a_name_that_was_announced_is_taken_for_everybody_else(store: Store) -> None:
    session = opened(store)
    file = announced(store, session)
    assert store.holder("main", "a.whl") == session.id
    with pytest.raises(ChangedError):
        add(store, "a.whl")
    with pytest.raises(ChangedError):
        announced(store, session)
    add(store, "b.whl")
    with pytest.raises(ChangedError):
        announced(store, session, "b.whl")
    store.drop_file(file, who="me")
    assert store.holder("main", "a.whl") is None
    add(store, "a.whl")
    assert names(store) == ["b.whl", "a.whl"]


def test_a_release_with_a_session_is_published_by_it_alone(store: Store) -> None:
    session = opened(store)
    completed(store, session)
    other = store.open_session("other", DEMO, ONE, who="me", seconds=60)
    for stranger in (None, other.id):
        with pytest.raises(ChangedError, match="a session has the release"):
            store.publish(staged(store), who="me", verdict={}, session=stranger)
    announced(store, session, "b.whl")
    with pytest.raises(ChangedError, match="not complete"):
        store.publish(staged(store), who="me", verdict={}, session=session.id)
    assert staged(store).state is State.STAGED


def test_only_what_came_is_completed(store: Store) -> None:
    session = opened(store)
    file = announced(store, session)
    with pytest.raises(ChangedError):
        add(store, "a.whl", A, session.id)
    store.expect_bytes(file, B)
    with pytest.raises(ChangedError):
        add(store, "a.whl", A, session.id)
    assert names(store) == []
    add(store, "a.whl", B, session.id)
    with pytest.raises(ChangedError):
        store.expect_bytes(file, A)


def test_a_file_that_failed_has_to_be_announced_anew(store: Store) -> None:
    session = opened(store)
    file = announced(store, session)
    store.fail_file(file, ["is no wheel"])
    [failed] = again(store, session).files
    assert (failed.state, failed.notices) == (FileState.ERROR, ("is no wheel",))
    with pytest.raises(ChangedError):
        store.expect_bytes(file, A)
    store.drop_file(failed, who="me")
    announced(store, session)


def test_canceling_takes_out_its_own_files_and_no_others(store: Store) -> None:
    add(store, "theirs.whl", B)
    session = opened(store)
    completed(store, session)
    announced(store, session, "b.whl")
    assert names(store) == ["theirs.whl", "a.whl"]
    store.end_session(session.id, who="me", why="changed my mind")
    assert names(store) == ["theirs.whl"]
    found = again(store, session)
    assert (found.state, found.why, found.files) == (SessionState.CANCELED, "changed my mind", ())
    assert list(store.discarded(store.clock())) == [A]
    assert store.holder("main", "b.whl") is None


def test_a_release_goes_with_its_last_file(store: Store) -> None:
    session = opened(store)
    file = completed(store, session)
    store.drop_file(file, who="me")
    assert store.release("main", DEMO, ONE) is None
    completed(store, session)
    store.end_session(session.id, who="me")
    assert store.release("main", DEMO, ONE) is None


def test_a_session_that_expired_takes_nothing_and_is_ended(store: Store, clock: Clock) -> None:
    session = opened(store)
    completed(store, session)
    file = announced(store, session, "b.whl")
    clock.now += 60
    late: list[Callable[[], object]] = [
        lambda: store.expect_bytes(file, B),
        lambda: store.drop_file(file, who="me"),
        lambda: announced(store, session, "c.whl"),
        lambda: store.extend_session(session, clock.now + 60),
        lambda: store.publish(staged(store), who="me", verdict={}),
    ]
    for change in late:
        with pytest.raises(ChangedError):
            change()
    assert store.staged_session(session.stage) is None
    assert (store.end_expired(("main", "other", "1.0")), store.end_expired()) == (0, 1)
    assert (names(store), store.end_expired()) == ([], 0)
    assert again(store, session).why == "it was not published before it expired"
    clock.now += 10
    store.forget_sessions(clock.now)
    assert store.publishing_session(session.id) is None


def test_a_session_is_extended_and_never_shortened(store: Store, clock: Clock) -> None:
    session = opened(store)
    for until, found in ((clock.now + 90, 1090.0), (clock.now + 5, 1090.0)):
        store.extend_session(session, until)
        assert again(store, session).expires == found


def test_what_is_given_up_is_remembered_until_it_was_looked_after(
    store: Store, clock: Clock
) -> None:
    session = opened(store)
    completed(store, session)
    store.end_session(session.id, who="me")
    assert store.discarded(clock.now - 1) == {}
    [(sha256, at)] = store.discarded(clock.now).items()
    clock.now += 5
    second = opened(store)
    completed(store, second)
    store.end_session(second.id, who="me")
    store.forget_discarded(sha256, at)
    assert store.discarded(clock.now) == {A: clock.now}, "it was given up again"
    store.forget_discarded(sha256, clock.now)
    assert store.discarded(clock.now) == {}


def test_a_content_is_named_from_when_it_is_expected(store: Store) -> None:
    contents = Contents(store.engine)
    session = opened(store)
    file = announced(store, session)
    assert not contents.names(A)
    store.expect_bytes(file, A)
    assert (contents.names(A), contents.contents()[A].kind) == (True, Kind.ANNOUNCED)
    assert not contents.contents()[A].must_be_there
    add(store, "a.whl", A, session.id)
    assert (contents.names(A), contents.contents()[A].kind) == (True, Kind.UPLOADED)
    store.end_session(session.id, who="me")
    assert not contents.names(A)


def test_who_opened_and_canceled_is_in_the_audit_log(store: Store) -> None:
    session = opened(store)
    file = completed(store, session)
    store.drop_file(file, who="her")
    store.end_session(session.id, who="him")
    said = [(one["who"], one["action"], one["filename"]) for one in store.audit()]
    assert said == [
        ("him", "cancel", None),
        ("her", "delete", "a.whl"),
        ("me", "upload", "a.whl"),
        ("me", "session", None),
    ]
