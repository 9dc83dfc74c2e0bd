"""The crawl's client against a real server with every fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.build import make_sdist, make_wheel
from tests.index_server import (
    Drop,
    Fault,
    Hang,
    IndexServer,
    Ranges,
    Redirect,
    Status,
    Truncate,
)
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.errors import LimitError, NotFoundError, SourceError
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.release import Reading
from trueup.model.watcher import Watcher
from trueup.sources.crawl.archives import Archives
from trueup.sources.crawl.fetch import Answer, Fetcher, is_passing
from trueup.sources.crawl.rate import Bucket
from trueup.sources.credentials import Credentials
from trueup.sources.http import AnswerError, BusyError, HttpSettings, RetryPolicy, UnreachableError

T = TypeVar("T")

DATA = bytes(range(256)) * 40
NAME = "demo-1.0-py3-none-any.whl"
QUICK = RetryPolicy(attempts=3, connect_attempts=2, base=0.001, cap=0.002, retry_after_cap=60)


class Paused(Bucket):
    """Counts what it is asked, and nobody waits for a server that wants a rest."""

    def __init__(self) -> None:
        super().__init__(1_000_000)
        self.taken = 0
        self.pauses: list[float] = []

    async def take(self, server: str) -> None:
        self.taken += 1

    def pause(self, server: str, seconds: float) -> None:
        self.pauses.append(round(seconds, 3))


def run(
    work: Callable[[Fetcher], Awaitable[T]],
    *,
    bucket: Bucket | None = None,
    timeout: float = 5,
    **options: Any,
) -> T:
    async def inside() -> T:
        fetcher = Fetcher(
            HttpSettings(timeout=timeout, connect_timeout=timeout, per_host=4),
            bucket=bucket or Bucket(1_000_000),
            retry=options.pop("retry", QUICK),
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            jitter=lambda: 1.0,
            **options,
        )
        async with fetcher:
            return await work(fetcher)

    return asyncio.run(inside())


def got(url: str, limit: int = 1_000_000, **options: Any) -> Answer:
    return run(lambda fetcher: fetcher.get(url, limit=limit), **options)


@pytest.fixture
def url(server: IndexServer) -> str:
    server.add(NAME, DATA)
    return server.file_url(NAME)


def test_who_asks_says_so(server: IndexServer, url: str) -> None:
    assert got(url, contact="me@example.test").body == DATA
    (request,) = server.log
    agent = request.headers["user-agent"]
    assert agent.startswith("trueup/")
    assert agent.endswith(" (survey; +me@example.test)")


@pytest.mark.parametrize(
    ("fault", "times"),
    [(Drop(), 2), (Truncate(100), 2), (Status(500), 2), (Status(503), 2), (Status(429), 2),
     (Hang(), 1)],
)  # fmt: skip
def test_faults_that_pass(server: IndexServer, url: str, fault: Fault, times: int) -> None:
    server.fault(NAME, fault, times=times)
    bucket = Paused()
    assert got(url, bucket=bucket, timeout=0.3).body == DATA
    # The library itself repeats a request once if its connection was closed meanwhile.
    assert bucket.taken >= times + 1 - isinstance(fault, Drop)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Drop(), SourceError, "dropped connection"),
        (Truncate(100), SourceError, "breaks off"),
        (Hang(), SourceError, "silence for 0.2 s, 2 times"),
        (Status(503), BusyError, "status 503 Service Unavailable, 3 times"),
    ],
)
def test_faults_that_stay_say_nothing_of_the_address(
    server: IndexServer, url: str, fault: Fault, kind: type[SourceError], words: str
) -> None:
    server.fault(NAME, fault, times=99)
    with pytest.raises(kind, match=words) as caught:
        got(url, bucket=Paused(), timeout=0.2)
    assert is_passing(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (410, NotFoundError), (403, AnswerError),
                         (418, AnswerError), (304, AnswerError)]
)  # fmt: skip
def test_an_answer_is_an_answer(
    server: IndexServer, url: str, status: int, kind: type[SourceError]
) -> None:
    server.fault(NAME, Status(status))
    with pytest.raises(kind) as caught:
        got(url)
    assert not is_passing(caught.value)
    assert server.count() == 1


@pytest.mark.parametrize(
    ("status", "after", "expected"),
    [
        (429, "7", [7.0]),
        (503, "Thu, 01 Jan 2026 00:00:20 GMT", [20.0]),
        (500, "3", [3.0]),
        (429, "999999", [60.0]),
        (429, None, [0.001]),
        (500, None, []),
    ],
)
def test_a_server_that_wants_a_rest_gets_it(
    server: IndexServer, url: str, status: int, after: str | None, expected: list[float]
) -> None:
    """A broken page is no reason to let the server rest, a busy server is."""
    server.fault(NAME, Status(status, {} if after is None else {"Retry-After": after}))
    bucket = Paused()
    assert got(url, bucket=bucket).body == DATA
    assert bucket.pauses == expected


def test_a_rest_is_for_all(server: IndexServer, url: str) -> None:
    server.fault(NAME, Status(429, {"Retry-After": "1"}))

    async def both(fetcher: Fetcher) -> float:
        first = asyncio.create_task(fetcher.get(url, limit=10**6))
        while not server.count():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await fetcher.get(url, limit=10**6)
        await first
        return time.monotonic() - started

    assert run(both) > 0.5


def test_redirects_are_followed_and_counted(server: IndexServer, url: str) -> None:
    server.fault("/old", Redirect(url))
    answer = got(f"{server.origin}/old")
    assert (answer.body, answer.url) == (DATA, url)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://[broken"])
def test_redirects_to_where_an_index_may_not_lead(server: IndexServer, location: str) -> None:
    server.fault("/old", Redirect(location))
    with pytest.raises(AnswerError):
        got(f"{server.origin}/old")


def test_redirects_in_circles(server: IndexServer) -> None:
    server.fault("/old", Redirect("/old"), times=50)
    with pytest.raises(AnswerError, match="circles"):
        got(f"{server.origin}/old")


@pytest.mark.parametrize("url", ["http://[", f"http://{'a' * 64}.test/", "http://a:99999999/"])
def test_an_address_that_nobody_can_have(url: str) -> None:
    with pytest.raises(AnswerError, match="malformed"):
        got(url)


def test_a_body_beyond_the_limit_is_not_read(server: IndexServer) -> None:
    server.page("/big", b"x" * 1_000_000, repeat=1000)
    with pytest.raises(LimitError) as caught:
        got(f"{server.origin}/big", limit=3_000_000)
    assert not is_passing(caught.value)


def test_a_body_that_does_not_end_is_given_up(server: IndexServer) -> None:
    server.page("/slow", b"x" * 100_000, repeat=100)

    async def impatient(fetcher: Fetcher) -> Answer:
        fetcher.longest = 0
        return await fetcher.get(f"{server.origin}/slow", limit=10**9)

    with pytest.raises(SourceError, match="does not end"):
        run(impatient)


def test_nobody_is_there() -> None:
    async def twice(fetcher: Fetcher) -> list[Exception]:
        found: list[Exception] = []
        for _ in range(2):
            try:
                await fetcher.get("http://127.0.0.1:9/x", limit=1)
            except UnreachableError as error:
                found.append(error)
        assert fetcher.sent == 2, "a server that is not there is left alone for a while"
        return found

    assert len(run(twice)) == 2


def test_credentials_go_to_their_own_server(server: IndexServer) -> None:
    server.auth = ("me", "secret")
    server.add(NAME, DATA)
    with IndexServer() as other:
        other.add(NAME, DATA)
        server.fault("/old", Redirect(other.file_url(NAME)))
        index = server.origin.replace("//", "//me:secret@") + "/simple/"
        credentials = Credentials([index])
        assert got(server.file_url(NAME), credentials=credentials).body == DATA
        assert got(f"{server.origin}/old", credentials=credentials).body == DATA
        assert "authorization" not in other.log[0].headers
    with pytest.raises(AnswerError, match="login"):
        got(server.file_url(NAME))


def test_what_is_tried_again_is_told(server: IndexServer, url: str) -> None:
    class Notes(Watcher):
        def __init__(self) -> None:
            self.notes: list[str] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

    notes = Notes()
    server.fault(NAME, Status(502))
    got(url, watcher=notes)
    assert notes.notes == [f"`{url}`: status 502 Bad Gateway; trying again in 0.0 s"]


# --- archives -------------------------------------------------------------------------------------


def archived(url: str, size: int | None = None, **options: Any) -> Reading:
    async def inside(fetcher: Fetcher) -> Reading:
        archives = Archives(fetcher)
        try:
            filename = url.rpartition("/")[2]
            name = parse_filename(filename)
            return await archives.read(Artifact(filename=filename, url=url, name=name, size=size))
        finally:
            archives.close()

    return run(inside, **options)


def test_a_wheel_is_read_in_part(server: IndexServer, tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "demo", "1.0", requires=["a"], files={"x": bytes(2**20)},
                      compression=0)  # fmt: skip
    server.add(path.name, path)
    found = archived(server.file_url(path.name)).metadata
    assert isinstance(found, Metadata)
    assert found.fields["requires-dist"] == ("a",)
    assert server.sent() < 2**18


@pytest.mark.parametrize("ranges", list(Ranges))
def test_servers_make_of_ranges_what_they_like(
    server: IndexServer, tmp_path: Path, ranges: Ranges
) -> None:
    server.ranges = ranges
    path = make_wheel(tmp_path, "demo", "1.0", requires=["a"])
    server.add(path.name, path)
    found = archived(server.file_url(path.name)).metadata
    assert isinstance(found, Unreadable if ranges is Ranges.WRONG else Metadata)


def test_an_sdist_is_read_no_further_than_needed(server: IndexServer, tmp_path: Path) -> None:
    junk = {f"z{number}": bytes(2**18) for number in range(64)}
    path = make_sdist(tmp_path, "demo", "1.0", format="tar", requires=["a"],
                      pyproject="[project]", files=junk)  # fmt: skip
    server.add(path.name, path)
    found = archived(server.file_url(path.name)).metadata
    assert isinstance(found, Metadata)
    assert server.left_early.wait(5)


def test_an_archive_that_breaks_off_is_asked_for_again(server: IndexServer, tmp_path: Path) -> None:
    path = make_sdist(tmp_path, "demo", "1.0", requires=["a"])
    server.add(path.name, path)
    server.fault(path.name, Truncate(50), times=2)
    assert isinstance(archived(server.file_url(path.name)).metadata, Metadata)
    server.fault(path.name, Status(503), times=99)
    found = archived(server.file_url(path.name), bucket=Paused()).metadata
    assert isinstance(found, Unreadable)
    assert found.passing


def test_damage_is_the_file_s(server: IndexServer) -> None:
    server.add(NAME, b"no zip" * 99)
    found = archived(server.file_url(NAME)).metadata
    assert isinstance(found, Unreadable)
    assert not found.passing
    assert isinstance(archived(server.file_url("gone-1.0.tar.gz")).metadata, Unreadable)
