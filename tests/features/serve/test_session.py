"""Publishing sessions without HTTP: what is taken, told, published and given up."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version
from sqlalchemy import Connection, event

from tests.attestation import attestation, statement
from tests.build import make_sdist, make_wheel
from tests.desks import add, digest, open_desk
from tests.stores import Postgres, postgres, postgres_bin
from trueup.features.serve.announced import Terms
from trueup.features.serve.desk import Desk
from trueup.features.serve.fsck import check_store
from trueup.features.serve.policies import Policy, PolicyBook, ProjectPolicy
from trueup.features.serve.receive import RefusedError
from trueup.features.serve.session import ContradictionError, Sessions
from trueup.features.serve.sessionfile import ConflictError
from trueup.features.serve.stage import Stages
from trueup.model.errors import NotFoundError
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.publishing import FileState, PublishingSession, SessionState
from trueup.sources.store.store import HostedRelease, State

DEMO, ONE = NormalizedName("demo"), Version("1.0")
MACOS, WINDOWS, LINUX = (
    f"py3-none-{tag}" for tag in ("macosx_11_0_arm64", "win_amd64", "manylinux_2_17_x86_64")
)


class Shop:
    """An index, its sessions, and a time that is set."""

    def __init__(self, desk: Desk, folder: Path, now: list[float]) -> None:
        self.desk = desk
        self.sessions = Sessions(desk, Terms(lifetime=60, longest=200, kept=500, grace=0))
        self.folder = folder
        self._now = now

    def later(self, seconds: float) -> None:
        self._now[0] += seconds

    def open(self, name: str = "demo", version: str = "1.0") -> PublishingSession:
        return self.sessions.open("main", name, version, who="me")

    def again(self, session: PublishingSession) -> PublishingSession:
        return self.sessions.find(session.id)

    def wheel(self, tags: str = "py3-none-any", requires: tuple[str, ...] = ()) -> Path:
        return make_wheel(self.folder, "demo", "1.0", tags=tags, requires=requires)

    def announce(self, session: PublishingSession, path: Path, **named: Any) -> Any:
        given = {"size": path.stat().st_size, "hashes": {"sha256": digest(path)}, "said": None}
        return self.sessions.announce(self.again(session), path.name, **{**given, **named})

    def send(self, session: PublishingSession, path: Path, **named: Any) -> Any:
        file = self.announce(session, path, **named)
        copy = Path(shutil.copyfile(path, Path(self.desk.blobs.scratch) / path.name))
        self.sessions.keep(
            self.again(session), file, copy, size=path.stat().st_size, digests=digests(path)
        )
        return self.sessions.file(self.again(session), file.id)

    def upload(self, session: PublishingSession, path: Path, **named: Any) -> Any:
        file = self.send(session, path, **named)
        self.sessions.complete(self.again(session), file, who="me")
        return self.sessions.file(self.again(session), file.id)

    def publish(self, session: PublishingSession) -> PublishingSession:
        return self.sessions.publish(self.again(session), who="me")

    def release(self) -> HostedRelease | None:
        return self.desk.store.release("main", DEMO, ONE)

    def shown(self) -> list[str]:
        """What readers see of the project."""
        releases = self.desk.store.releases("main", DEMO)
        return sorted(file.filename for one in releases for file in one.files)

    def notices(self, session: PublishingSession) -> Mapping[str, tuple[str, ...]]:
        status = self.sessions.status(self.again(session))
        return {one.file.filename: one.notices for one in status.files}

    def unused(self) -> tuple[str, ...]:
        found = check_store(self.desk.store, self.desk.blobs)
        assert found.lost == ()
        return found.unused


def digests(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    return {
        name: hashlib.new(name, data).hexdigest() for name in ("sha256", "blake2b", "md5", "sha1")
    }


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


ON_BOTH = pytest.mark.parametrize(
    "shop",
    [
        {},
        pytest.param(
            {"database": "postgresql"},
            marks=pytest.mark.skipif(postgres_bin() is None, reason="PostgreSQL is not installed"),
        ),
    ],
    indirect=True,
    ids=["sqlite", "postgresql"],
)


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    now = [4_000_000_000.0]  # later than the files on the disk
    options = {"clock": lambda: now[0], **getattr(request, "param", {})}
    if "database" in options:
        options["database"] = request.getfixturevalue("database").new()
    with open_desk(tmp_path / "index", **options) as desk:
        desk.store.clock = lambda: now[0]
        (tmp_path / "dist").mkdir()
        yield Shop(desk, tmp_path / "dist", now)


@ON_BOTH
def test_a_release_is_uploaded_tried_and_published_at_once(shop: Shop) -> None:
    session = shop.open("Demo", "1.0.0")
    assert (session.project, str(session.version)) == ("demo", "1.0.0")
    shop.sessions.cancel(session, who="me")
    session = shop.open()
    paths = [shop.wheel(WINDOWS), shop.wheel(MACOS), make_sdist(shop.folder, "demo", "1.0")]
    for path in paths:
        assert shop.upload(session, path).state is FileState.COMPLETED
    assert shop.shown() == []
    stages = Stages(shop.desk)
    listed = stages.listing(session.stage, DEMO).files
    assert {file.filename for file in listed} == {path.name for path in paths}
    assert all(file.url.startswith(f"/stage/{session.stage}/files/") for file in listed)
    for path in paths:
        found = stages.file(session.stage, digest(path), path.name)
        assert b"".join(found.read(0, found.size)) == path.read_bytes()
    published = shop.publish(session)
    assert published.state is SessionState.PUBLISHED
    assert shop.publish(session) == published, "a client that lost the answer asks again"
    assert shop.shown() == sorted(path.name for path in paths)
    with pytest.raises(NotFoundError, match="no such stage"):
        stages.listing(session.stage, DEMO)
    assert shop.unused() == ()


# --- contradictions ---------------------------------------------------------------------------------


@ON_BOTH
def test_a_contradiction_is_told_of_both_files_and_not_published(shop: Shop) -> None:
    session = shop.open()
    good, bad = shop.wheel(MACOS, ("one",)), shop.wheel(WINDOWS, ("two",))
    shop.upload(session, good)
    assert shop.notices(session)[good.name] == ()
    file = shop.upload(session, bad)
    for notices in shop.notices(session).values():
        assert any("Requires-Dist" in one and good.name in one for one in notices)
    release = shop.release()
    assert release is not None
    assert release.state is State.QUARANTINED
    with pytest.raises(ContradictionError, match="Requires-Dist") as caught:
        shop.publish(session)
    assert caught.value.status == 422
    assert any(good.name in one and bad.name in one for one in caught.value.notices)
    assert shop.again(session).is_open
    assert shop.shown() == []
    shop.sessions.drop(shop.again(session), file, who="me")
    assert shop.notices(session) == {good.name: ()}
    shop.upload(session, shop.wheel(WINDOWS, ("one",)))
    assert shop.publish(session).state is SessionState.PUBLISHED


def test_what_is_announced_is_compared_before_it_comes(shop: Shop) -> None:
    session = shop.open()
    first = shop.wheel(MACOS, ("one",))
    shop.upload(session, first)
    head = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"
    bad, good = shop.wheel(WINDOWS), shop.wheel(LINUX)
    notices = shop.announce(session, bad, said=head).notices
    assert any("Requires-Dist" in one and first.name in one for one in notices)
    assert shop.announce(session, good, said=f"{head}Requires-Dist: one\n").notices == ()
    assert shop.notices(session) == {first.name: (), bad.name: notices, good.name: ()}
    release = shop.release()
    assert release is not None
    assert release.state is State.STAGED, "what has not come changes nothing"


@pytest.mark.parametrize("shop", [{"policy": Policy.WARN}], indirect=True)
def test_where_contradictions_are_only_told_the_release_is_published(shop: Shop) -> None:
    session = shop.open()
    shop.upload(session, shop.wheel(MACOS, ("one",)))
    shop.upload(session, shop.wheel(WINDOWS, ("two",)))
    assert all(shop.notices(session).values())
    assert shop.publish(session).state is SessionState.PUBLISHED


# --- refused ----------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, type[RefusedError], Callable[[Shop, PublishingSession], object]]] = {
    "no name": ("`name`", RefusedError, lambda shop, _: shop.open("demo/../x")),
    "no version": ("`version`", RefusedError, lambda shop, _: shop.open("demo", "one")),
    "a long version": ("too long", RefusedError, lambda shop, _: shop.open("demo", "1." * 150 + "1")),
    "a second session": ("has a session", ConflictError, lambda shop, _: shop.open("DEMO")),
    "nothing to publish": ("no files", ConflictError, lambda shop, s: shop.publish(s)),
    "another project": (
        "another release",
        ConflictError,
        lambda shop, s: shop.announce(s, make_wheel(shop.folder, "other", "1.0")),
    ),
    "another version": (
        "another release",
        ConflictError,
        lambda shop, s: shop.announce(s, make_wheel(shop.folder, "demo", "2.0")),
    ),
    "a name twice": (
        "is pending in this session",
        ConflictError,
        lambda shop, s: [shop.announce(s, shop.wheel()) for _ in range(2)],
    ),
    "too large for all": ("too large", ConflictError, lambda shop, s: shop.announce(s, shop.wheel(), size=2**40)),
    "no hash": ("`hashes`", RefusedError, lambda shop, s: shop.announce(s, shop.wheel(), hashes={})),
    "a weak hash": (
        "no secure one",
        RefusedError,
        lambda shop, s: shop.announce(s, shop.wheel(), hashes={"md5": "0" * 32}),
    ),
    "an unknown hash": (
        "`hashes`",
        RefusedError,
        lambda shop, s: shop.announce(s, shop.wheel(), hashes={"shake_128": "00"}),
    ),
    "a short hash": (
        "64 hex digits",
        RefusedError,
        lambda shop, s: shop.announce(s, shop.wheel(), hashes={"sha256": "00"}),
    ),
    "metadata of another": (
        "Name",
        ConflictError,
        lambda shop, s: shop.announce(
            s, shop.wheel(), said="Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"
        ),
    ),
    "not sent": (
        "has not come",
        ConflictError,
        lambda shop, s: shop.sessions.complete(s, shop.announce(s, shop.wheel()), who="me"),
    ),
    "not complete": (
        "not all files are completed",
        ConflictError,
        lambda shop, s: [shop.send(s, shop.wheel()), shop.publish(s)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_is_refused_and_the_session_stays(shop: Shop, case: str) -> None:
    session = shop.open()
    words, kind, act = REFUSED[case]
    with pytest.raises(kind, match=words) as caught:
        act(shop, session)
    assert type(caught.value) is kind
    assert shop.again(session).is_open


NAMES = ("", ".", "..", "../demo-1.0.tar.gz", "a/demo-1.0.tar.gz", "demo-1.0.tar.gz\x00", "démo-1.0.tar.gz",
         "demo-1.0.exe", "demo.whl", "x" * 300 + "-1.0.tar.gz", 'demo-1.0".tar.gz')  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_none(shop: Shop, name: str) -> None:
    session = shop.open()
    with pytest.raises(RefusedError):
        shop.sessions.announce(session, name, size=1, hashes={"sha256": "0" * 64}, said=None)


def test_the_session_in_the_way_is_named(shop: Shop) -> None:
    session = shop.open()
    with pytest.raises(ConflictError) as caught:
        shop.open()
    assert caught.value.session == session.id
    shop.upload(session, shop.wheel())
    shop.publish(session)
    with pytest.raises(ConflictError, match="is published") as caught:
        shop.open()
    assert caught.value.session == session.id


# --- what comes ---------------------------------------------------------------------------------------


def test_what_arrives_damaged_can_be_sent_again(shop: Shop, tmp_path: Path) -> None:
    session = shop.open()
    wheel, torn = shop.wheel(), tmp_path / "torn"
    file = shop.announce(session, wheel, hashes=digests(wheel))
    for data in (wheel.read_bytes()[:-1], wheel.read_bytes()[:-1] + b"x"):
        torn.write_bytes(data)
        with pytest.raises(RefusedError, match="arrived damaged"):
            shop.sessions.keep(session, file, torn, size=len(data), digests=digests(torn))
    assert shop.again(session).files[0].state is FileState.PENDING
    shop.sessions.drop(session, file, who="me")
    assert shop.upload(session, wheel).state is FileState.COMPLETED


def test_what_is_no_such_file_is_in_error_until_it_is_deleted(shop: Shop) -> None:
    session = shop.open()
    wheel = shop.wheel()
    whole = wheel.read_bytes()
    wheel.write_bytes(b"no wheel")
    with pytest.raises(RefusedError):
        shop.send(session, wheel)
    [status] = shop.sessions.status(shop.again(session)).files
    assert status.state is FileState.ERROR
    assert status.notices
    with pytest.raises(ConflictError, match="is error"):
        shop.sessions.complete(shop.again(session), status.file, who="me")
    with pytest.raises(ConflictError, match="not all files are completed"):
        shop.publish(session)
    shop.sessions.drop(session, status.file, who="me")
    wheel.write_bytes(whole)
    shop.upload(session, wheel)
    shop.publish(session)
    assert shop.unused() == ()


def test_metadata_that_was_announced_is_that_of_the_file(shop: Shop) -> None:
    session = shop.open()
    head = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    inside = f"{head}Requires-Dist: one\n"
    wheel = make_wheel(shop.folder, "demo", "1.0", metadata_bytes=inside.encode())
    with pytest.raises(RefusedError, match="another metadata than was announced: `requires-dist`"):
        shop.send(session, wheel, said=head)
    shop.sessions.drop(session, shop.again(session).files[0], who="me")
    shop.upload(session, wheel, said=inside.replace("\n", "\r\n"))


def test_what_is_attested_of_a_file_comes_with_it(shop: Shop) -> None:
    session, wheel = shop.open(), shop.wheel()
    key = ("main", wheel.name, digest(wheel))
    unknown = shop.announce(session, wheel, hashes={"blake2b": digests(wheel)["blake2b"]})
    text = json.dumps([attestation(wheel)])
    with pytest.raises(ConflictError, match="has not come"):
        shop.sessions.attest(session, unknown, text, None)
    shop.sessions.drop(session, unknown, who="me")
    file = shop.send(session, wheel)
    other = json.dumps([attestation(wheel, statement(wheel.name, "0" * 64))])
    with pytest.raises(RefusedError, match="another content"):
        shop.sessions.attest(session, file, other, None)
    shop.sessions.attest(session, file, text, None)
    assert shop.desk.store.provenance(*key) is None
    shop.sessions.complete(shop.again(session), shop.again(session).files[0], who="me")
    shop.publish(session)
    found = json.loads(shop.desk.store.provenance(*key) or "")
    assert found["attestation_bundles"][0]["attestations"] == [attestation(wheel)]


def test_what_is_attested_of_a_file_that_is_not_taken_is_forgotten(shop: Shop) -> None:
    session, wheel = shop.open(), shop.wheel()
    file = shop.send(session, wheel)
    shop.sessions.attest(session, file, json.dumps([attestation(wheel)]), None)
    known = shop.again(session)
    shop.sessions.cancel(session, who="me")
    with pytest.raises(ConflictError):
        shop.sessions.complete(known, known.files[0], who="me")
    assert shop.desk.store.provenance("main", wheel.name, digest(wheel)) is None


def test_completing_again_changes_nothing(shop: Shop) -> None:
    session = shop.open()
    file = shop.upload(session, shop.wheel())
    shop.sessions.complete(shop.again(session), file, who="me")
    release = shop.release()
    assert release is not None
    assert len(release.files) == 1


# --- beside the legacy upload API -------------------------------------------------------------------


def test_a_name_is_taken_for_the_legacy_api_and_back(shop: Shop) -> None:
    session = shop.open()
    mine, theirs = shop.wheel(MACOS), shop.wheel(WINDOWS)
    shop.announce(session, mine)
    with pytest.raises(RefusedError, match="being uploaded in a publishing session") as caught:
        add(shop.desk, mine)
    assert caught.value.status == 423
    add(shop.desk, theirs)
    with pytest.raises(ConflictError, match="is there already"):
        shop.announce(session, theirs)
    assert any(theirs.name in one for one in shop.sessions.status(shop.again(session)).notices)


def test_a_release_is_not_published_beside_its_session(shop: Shop) -> None:
    session = shop.open()
    shop.upload(session, shop.wheel(MACOS))
    with pytest.raises(RefusedError, match="being uploaded in a publishing session"):
        shop.desk.publish("main", "demo", "1.0", who="somebody")
    with pytest.raises(ChangedError):
        shop.desk.receiver("main").publish(DEMO, ONE, who="quiet period", touched=shop.desk.clock())
    shop.sessions.cancel(session, who="me")
    add(shop.desk, shop.wheel(MACOS))
    shop.desk.publish("main", "demo", "1.0", who="somebody")


def test_a_quiet_period_waits_for_the_session(shop: Shop) -> None:
    shop.desk.policies = PolicyBook(default=ProjectPolicy(quiet=5.0))
    session = shop.open()
    shop.upload(session, shop.wheel(MACOS))
    shop.later(30)
    assert shop.desk.publish_quiet() == []
    release = shop.release()
    assert release is not None
    assert release.state is State.STAGED
    shop.later(31)
    assert shop.desk.publish_quiet() == [], "what has expired is not published either"
    assert shop.release() is None


def test_a_release_that_is_deleted_beside_its_session(shop: Shop) -> None:
    session = shop.open()
    file = shop.upload(session, shop.wheel(MACOS))
    release = shop.release()
    assert release is not None
    shop.desk.store.remove(release, who="somebody")
    [status] = shop.sessions.status(shop.again(session)).files
    assert status.state is FileState.ERROR
    with pytest.raises(ConflictError, match="not all files are completed"):
        shop.publish(session)
    shop.sessions.drop(session, file, who="me")
    shop.upload(session, shop.wheel(MACOS))
    shop.publish(session)


# --- its end -------------------------------------------------------------------------------------------


def test_a_session_is_extended_within_its_bounds(shop: Shop) -> None:
    session = shop.open()
    assert shop.sessions.extend(session, 100).expires == session.expires + 100
    assert shop.sessions.extend(shop.again(session), 10**9).expires == session.expires + 100
    assert shop.sessions.extend(shop.again(session), -50).expires == session.expires + 100


def test_what_has_ended_takes_nothing(shop: Shop) -> None:
    session = shop.open()
    file = shop.upload(session, shop.wheel())
    shop.sessions.cancel(session, who="me")
    shop.sessions.cancel(shop.again(session), who="me")
    ended: list[Callable[[PublishingSession], object]] = [
        lambda s: shop.sessions.publish(s, who="me"),
        lambda s: shop.sessions.extend(s, 10),
        lambda s: shop.sessions.drop(s, file, who="me"),
        lambda s: shop.sessions.announce(s, "x", size=1, hashes={}, said=None),
    ]
    for act in ended:
        for known in (session, shop.again(session)):
            with pytest.raises(RefusedError):
                act(known)
    assert shop.release() is None
    published = shop.open()
    shop.upload(published, shop.wheel())
    shop.publish(published)
    with pytest.raises(ConflictError, match="is published"):
        shop.sessions.cancel(shop.again(published), who="me")


@ON_BOTH
def test_an_expired_session_goes_with_its_files_and_not_with_what_was_published(
    shop: Shop,
) -> None:
    kept = shop.open()
    shop.upload(kept, shop.wheel(MACOS))
    shop.publish(kept)
    other = shop.sessions.open("other", "demo", "1.0", who="me")
    shop.upload(other, shop.wheel(MACOS))
    shop.upload(other, shop.wheel(WINDOWS))
    shop.send(other, shop.wheel(LINUX))
    shop.sessions.sweep()
    assert len(set(shop.desk.blobs.all())) == 3
    shop.later(61)
    shop.sessions.sweep()
    assert set(shop.desk.blobs.all()) == {digest(shop.wheel(MACOS))}
    found = shop.again(other)
    assert (found.state, found.files) == (SessionState.CANCELED, ())
    assert shop.sessions.status(found).notices == ("it was not published before it expired",)
    assert (shop.unused(), shop.desk.store.discarded(shop.desk.clock())) == ((), {})
    shop.later(600)
    shop.sessions.sweep()
    with pytest.raises(NotFoundError):
        shop.again(other)
    assert shop.desk.store.owns("main", DEMO)


def test_what_is_put_while_its_session_ends_is_removed_later(shop: Shop) -> None:
    """The bytes of a file came to rest just after its session was canceled."""
    session = shop.open()
    shop.send(session, shop.wheel())
    shop.sessions.cancel(session, who="me")
    shop.sessions.terms = replace(shop.sessions.terms, grace=100)
    path = Path(shutil.copyfile(shop.wheel(), Path(shop.desk.blobs.scratch) / "late"))
    shop.later(100)
    sha256 = digest(path)
    shop.desk.blobs.put(sha256, path)
    os.utime(shop.desk.blobs.path(sha256) or path, (shop.desk.clock(), shop.desk.clock()))
    shop.sessions.sweep()
    assert shop.unused() == (sha256,)
    shop.later(101)
    shop.sessions.sweep()
    assert shop.unused() == ()


def test_what_came_again_is_not_removed(shop: Shop) -> None:
    """It was given up in one session, and came in the next before anybody swept."""
    first = shop.open()
    shop.upload(first, shop.wheel())
    shop.sessions.cancel(first, who="me")
    second = shop.open()
    file = shop.send(second, shop.wheel())
    shop.sessions.sweep()
    shop.sessions.complete(shop.again(second), file, who="me")
    assert shop.publish(second).state is SessionState.PUBLISHED
    assert shop.unused() == ()


# --- beside others, and killed at any moment ------------------------------------------------------------


@ON_BOTH
def test_files_at_once_are_all_compared_and_published_together(shop: Shop) -> None:
    session = shop.open()
    wheels = [shop.wheel(f"py3-none-macosx_1{number}_0_arm64") for number in range(6)]
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(lambda path: shop.upload(session, path), wheels))
    assert {file.state for file in files} == {FileState.COMPLETED}
    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda _: shop.publish(session).state, range(4)))
    assert set(ends) == {SessionState.PUBLISHED}
    assert shop.shown() == sorted(path.name for path in wheels)
    assert [one["action"] for one in shop.desk.store.audit()].count("publish") == 1


class Killed(BaseException):
    """The process is gone: nothing of it goes on, nothing tidies up."""


class Mortal:
    """Ends the process before the n-th thing that lasts: a commit, or a blob that is put."""

    def __init__(self, shop: Shop, after: int) -> None:
        self.left = after
        self.shop = shop
        self._put = shop.desk.blobs.put

    def tick(self, connection: Connection | None = None) -> None:
        if connection is not None and connection.get_execution_options().get("only_reads"):
            return
        self.left -= 1
        if self.left < 0:
            raise Killed

    def put(self, sha256: str, path: Path) -> None:
        self.tick()
        self._put(sha256, path)

    def __enter__(self) -> None:
        event.listen(self.shop.desk.store.engine, "commit", self.tick)
        vars(self.shop.desk.blobs)["put"] = self.put

    def __exit__(self, *_: object) -> None:
        event.remove(self.shop.desk.store.engine, "commit", self.tick)
        del vars(self.shop.desk.blobs)["put"]


def test_nothing_is_left_over_whenever_it_is_killed(shop: Shop) -> None:
    """Everything that lasts is done in some order: after each step the process may be gone."""
    wheels = [shop.wheel(MACOS), shop.wheel(WINDOWS)]
    published = 0
    for after in range(200):
        session, whole = None, False
        with suppress(Killed), Mortal(shop, after):
            session = shop.open()
            for wheel in wheels:
                shop.upload(session, wheel)
            extra = shop.upload(session, shop.wheel(LINUX))
            shop.sessions.drop(shop.again(session), extra, who="me")
            shop.publish(session)
            whole = True
        shown = shop.shown()
        assert shown in ([], sorted(wheel.name for wheel in wheels)), "half a release"
        published += bool(shown)
        shop.later(61)
        shop.sessions.sweep()
        if not shown:
            assert shop.release() is None
        needed = {digest(wheel) for wheel in wheels} if shown else set()
        assert set(shop.desk.blobs.all()) == needed, after
        assert shop.unused() == ()
        if whole:
            break
        release = shop.release()
        if release is not None:
            shop.desk.store.remove(release, who="me")
            for sha256 in needed:
                shop.desk.blobs.delete(sha256)
    assert (whole, after > 15) == (True, True), after
    assert published
