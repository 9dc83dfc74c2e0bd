from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.build import make_sdist, make_wheel, zip_bytes
from tests.index_server import Drop, IndexServer, Ranges, Redirect, Sidecar, Status, Truncate
from trueup.model.artifact import Artifact
from trueup.model.errors import LimitError, NotFoundError, PageError, SourceError, UsageError
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.release import How, Reading, Release
from trueup.model.watcher import Watcher
from trueup.sources import simple
from trueup.sources.cache import Cache, MemoryCache, SqliteCache
from trueup.sources.config import IndexConfig, IndexUrl
from trueup.sources.http import Client
from trueup.sources.index import IndexSource, UrlSource, artifact_of_url, open_index
from trueup.sources.release import gather

DEMO = canonicalize_name("demo")
ONE = Version("1.0")
WHEEL = "demo-1.0-py3-none-any.whl"
SDIST = "demo-1.0.tar.gz"


class Notes(Watcher):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def source_of(
    *urls: str, cache: Cache | None = None, watcher: Watcher | None = None
) -> IndexSource:
    client = Client(sleep=lambda _: None, watcher=watcher)
    return IndexSource(urls, client, cache, watcher=watcher)


@pytest.fixture
def source(server: IndexServer) -> Iterator[IndexSource]:
    with source_of(server.url) as source:
        yield source


def metadata(requires: str = "numpy", *, pad: int = 0) -> bytes:
    lines = ["Metadata-Version: 2.1", "Name: demo", "Version: 1.0", f"Requires-Dist: {requires}"]
    return ("\n".join(lines) + "\n\n" + "x" * pad).encode()


def wheel(
    text: bytes | None = None, *, padding: int = 0, name: str = WHEEL, first: bool = False
) -> bytes:
    """A real wheel with so many bytes that do not compress; ``first`` puts METADATA before them."""
    text = metadata() if text is None else text
    data = {"demo/data.bin": os.urandom(padding)}
    with TemporaryDirectory() as folder:
        path = make_wheel(
            Path(folder), "demo", "1.0", metadata_bytes=text, files=data, filename=name
        )
        if not first:
            return path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            members = [(member, archive.read(member)) for member in archive.namelist()]
    return zip_bytes(sorted(members, key=lambda member: ".dist-info/" not in member[0]))


def sdist(*, padding: int = 0, kind: str = "tar.gz") -> bytes:
    """A real sdist with so many bytes that do not compress, after PKG-INFO."""
    with TemporaryDirectory() as folder:
        files = {"z/data": os.urandom(padding)}
        return make_sdist(
            Path(folder), "demo", "1.0", pkg_info=metadata(), files=files, format=kind, pyproject=""
        ).read_bytes()


def names(count: int) -> list[str]:
    return [f"demo-1.0-{number}-py3-none-any.whl" for number in range(1, count + 1)]


def only(source: IndexSource, filename: str = WHEEL) -> Artifact:
    (found,) = [file for file in source.listing(DEMO).files if file.filename == filename]
    return found


def reason(reading: Reading) -> str:
    assert isinstance(reading.metadata, Unreadable)
    return reading.metadata.reason


def requires(reading: Reading) -> tuple[str, ...]:
    assert isinstance(reading.metadata, Metadata), reading.metadata
    return reading.metadata.fields["requires-dist"]


def ways(release: Release) -> list[str]:
    return [file.reading.how.value for file in release.files]


# Listings.


def test_json_is_preferred(server: IndexServer, source: IndexSource) -> None:
    server.status = "archived"
    server.add(WHEEL, wheel(), upload_time="2024-01-01T00:00:00Z", requires_python=">=3.8")
    listing = source.listing(DEMO)
    assert listing.origin == f"{server.url}demo/"
    assert listing.status == "archived"
    assert listing.files[0].upload_time is not None, "HTML pages cannot say this"
    assert listing.files[0].url == server.file_url(WHEEL)


@pytest.mark.parametrize("as_json", [True, False])
def test_both_forms_say_the_same(server: IndexServer, as_json: bool) -> None:
    server.as_json, server.as_html = as_json, not as_json
    server.add(WHEEL, b"", yanked="why", requires_python="<4,>=3", sidecar=Sidecar.ADVERTISED)
    server.add(SDIST, b"", sidecar=Sidecar.WITHOUT_HASH, yanked="")
    with source_of(server.url) as source:
        wheel, sdist = source.listing(DEMO).files
    empty = hashlib.sha256(b"").hexdigest()
    assert (wheel.yanked, wheel.index_requires_python) == ("why", "<4,>=3")
    assert wheel.core_metadata == {"sha256": empty}
    assert wheel.hashes == {"sha256": empty}
    assert (sdist.yanked, sdist.core_metadata) == ("", {})


def test_a_page_is_asked_for_once(server: IndexServer, source: IndexSource) -> None:
    server.add(WHEEL, b"")
    threads = [threading.Thread(target=source.listing, args=(DEMO,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.count() == 1


def test_the_first_index_that_has_the_project_counts(server: IndexServer, tmp_path: Path) -> None:
    local = tmp_path / "simple" / "demo"
    local.mkdir(parents=True)
    (local / "index.html").write_text(f'<a href="../../{WHEEL}">x</a>')
    (tmp_path / WHEEL).write_bytes(wheel(metadata("local")))
    notes = Notes()
    urls = ((tmp_path / "none").as_uri(), server.url, (tmp_path / "simple").as_uri())
    with source_of(*urls, watcher=notes) as source:
        reading = source.read(only(source))
        assert requires(reading) == ("local",)
        assert (reading.how, reading.verified) == (How.FILE, False)
        source.listing(DEMO)
    server.add(WHEEL, wheel(metadata("remote")))
    with source_of(*urls, watcher=notes) as source:
        assert requires(source.read(only(source))) == ("remote",)
    assert (
        notes.notes
        == [f"the index `{(tmp_path / 'none').as_uri()}` is left out: there is no such folder"] * 2
    )


def test_local_files_are_compared_with_their_hash(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    digest = hashlib.sha256(wheel()).hexdigest()
    (tmp_path / "demo" / "index.html").write_text(f'<a href="{WHEEL}#sha256={digest}">x</a>')
    (tmp_path / "demo" / WHEEL).write_bytes(b"other")
    with source_of(tmp_path.as_uri()) as source:
        text = reason(source.read(only(source)))
        found = hashlib.sha256(b"other").hexdigest()
        assert text == (
            "the file's sha256 is not the one that the listing gives: "
            f"found `{found}`, expected `{digest}`"
        )
        (tmp_path / "demo" / WHEEL).unlink()
        assert reason(source.read(only(source))).endswith(
            "cannot be opened: found No such file or directory"
        )


def test_a_project_that_is_nowhere(server: IndexServer, source: IndexSource) -> None:
    with pytest.raises(NotFoundError) as caught:
        source.listing(DEMO)
    assert str(caught.value) == "`demo`: no such project on the index"
    assert caught.value.hint == (
        f"asked was `{server.url}`; see the spelling, and `--index` for another index"
    )


def test_an_index_that_fails_is_not_passed_over(server: IndexServer) -> None:
    with IndexServer() as second, source_of(server.url, second.url) as source:
        second.add(WHEEL, b"")
        server.fault("/simple/", Status(500), times=9)
        with pytest.raises(SourceError) as caught:
            source.listing(DEMO)
        assert second.log == []
    assert str(caught.value) == (
        f"`{server.url}demo/`: the server gave no usable answer: "
        "found status 500 Internal Server Error, 5 times"
    )


def test_a_page_that_is_none(server: IndexServer, source: IndexSource) -> None:
    server.page("/simple/demo/", b"\x00garbage")
    with pytest.raises(PageError) as caught:
        source.listing(DEMO)
    assert str(caught.value) == (
        f"`{server.url}demo/`: the page is neither JSON nor HTML: found `\\x00garbage`, "
        "expected a project page of the Simple API (PEP 503 or PEP 691)"
    )


def test_a_page_without_end(
    server: IndexServer, source: IndexSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.page("/simple/demo/", b"<a>" * 100_000, repeat=2_000)
    with pytest.raises(LimitError) as caught:
        source.listing(DEMO)
    assert str(caught.value) == (
        f"`{server.url}demo/`: the page is too large: found more than 64 MiB, "
        "expected at most 64 MiB"
    )
    assert simple.MAX_PAGE_BYTES == 64 * 1024**2


def test_a_page_that_redirects_to_a_file(server: IndexServer, source: IndexSource) -> None:
    server.fault("/simple/", Redirect("file:///etc/passwd"))
    with pytest.raises(SourceError) as caught:
        source.listing(DEMO)
    assert str(caught.value) == (
        f"`{server.url}demo/`: redirects to where an index may not lead: "
        "found `file:///etc/passwd`, expected an http or https address"
    )


def test_links_are_resolved_where_the_page_finally_was(
    server: IndexServer, source: IndexSource
) -> None:
    server.page("/moved/demo/", f'<a href="{WHEEL}">x</a>'.encode())
    server.fault("/simple/demo/", Redirect("/moved/demo/"))
    assert only(source).url == f"{server.origin}/moved/demo/{WHEEL}"


# Sidecars.


def test_one_request_for_each_distinct_hash(server: IndexServer, source: IndexSource) -> None:
    for number, name in enumerate(names(12)):
        text = metadata(f"numpy>={number % 3}")
        server.add(name, b"never read", metadata=text, sidecar=Sidecar.ADVERTISED)
    release = gather(source, "demo", ONE)
    assert server.count() == 1 + 3
    assert server.count(path=".metadata") == 3
    assert ways(release) == ["sidecar"] * 3 + ["same-hash"] * 9
    assert all(file.reading.verified for file in release.files)
    expected = [(f"numpy>={number % 3}",) for number in range(12)]
    assert [requires(file.reading) for file in release.files] == expected


def test_threads_do_not_fetch_the_same_hash_twice(server: IndexServer, source: IndexSource) -> None:
    for name in names(16):
        server.add(name, b"", metadata=metadata(), sidecar=Sidecar.ADVERTISED)
    files = source.listing(DEMO).files
    threads = [threading.Thread(target=source.read, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.count(path=".metadata") == 1


def test_a_sidecar_whose_hash_differs(server: IndexServer, source: IndexSource) -> None:
    server.add(
        WHEEL,
        wheel(),
        metadata=metadata(),
        sidecar=Sidecar.ADVERTISED,
        metadata_sha256="ab" * 32,
    )
    reading = source.read(only(source))
    found = hashlib.sha256(metadata()).hexdigest()
    assert reason(reading) == (
        "the sidecar's sha256 is not the one that the index gives: "
        f"found `{found}`, expected `{'ab' * 32}`"
    )
    assert reading.how is How.SIDECAR
    assert not reading.verified


def test_a_sidecar_without_a_hash_is_not_verified(server: IndexServer, source: IndexSource) -> None:
    server.add(WHEEL, b"", metadata=metadata(), sidecar=Sidecar.WITHOUT_HASH)
    reading = source.read(only(source))
    assert requires(reading) == ("numpy",)
    assert (reading.how, reading.verified) == (How.SIDECAR, False)


def test_a_promised_sidecar_that_is_not_there(server: IndexServer, source: IndexSource) -> None:
    server.add(WHEEL, wheel(), sidecar=Sidecar.MISSING)
    reading = source.read(only(source))
    assert requires(reading) == ("numpy",)
    assert reading.how is How.RANGE
    assert reading.sidecar == Unreadable(
        reason="the index advertises a sidecar that does not exist"
    )


def test_a_sidecar_that_is_refused(server: IndexServer, source: IndexSource) -> None:
    server.add(WHEEL, wheel(), metadata=metadata(), sidecar=Sidecar.ADVERTISED)
    server.fault(".metadata", Status(403))
    assert reason(source.read(only(source))) == (
        f"`{server.file_url(WHEEL)}.metadata`: the server wants a login: found status 403 Forbidden"
    )


def test_an_unadvertised_sidecar_is_found_with_one_try(
    server: IndexServer, source: IndexSource
) -> None:
    for name in names(10):
        server.add(name, b"", metadata=metadata(), sidecar=Sidecar.UNADVERTISED)
    release = gather(source, "demo", ONE)
    assert server.count() == 1 + 10
    assert ways(release) == ["sidecar"] * 10
    assert not any(file.reading.verified for file in release.files)


@pytest.mark.parametrize("text", [b"<html>not found</html>", b"Name: other\nVersion: 1.0\n"])
def test_an_unadvertised_sidecar_that_is_something_else(
    server: IndexServer, source: IndexSource, text: bytes
) -> None:
    for name in names(10):
        server.add(name, wheel(name=name), metadata=text, sidecar=Sidecar.UNADVERTISED)
    release = gather(source, "demo", ONE)
    assert ways(release) == ["range"] * 10
    assert server.count(path=".metadata") == 1


def test_unadvertised_sidecars_of_a_few_files_only(
    server: IndexServer, source: IndexSource
) -> None:
    for number, name in enumerate(names(30)):
        sidecar = Sidecar.UNADVERTISED if number % 3 == 0 else Sidecar.NONE
        server.add(name, wheel(name=name), metadata=metadata(), sidecar=sidecar)
    release = gather(source, "demo", ONE)
    assert {requires(file.reading) for file in release.files} == {("numpy",)}
    # Once two were there, as many threads as there are may ask before the first finds none.
    assert server.count(path=".metadata", status=404) <= 16


# Archives.


def realistic(server: IndexServer, count: int) -> None:
    """Wheels of many sizes; a quarter keeps METADATA far from the end."""
    for number, name in enumerate(names(count)):
        padding = 100_000 + 37_000 * number
        text = metadata(pad=20_000)
        server.add(name, wheel(text, padding=padding, name=name, first=number % 4 == 0))


def test_few_requests_without_sidecars(server: IndexServer, source: IndexSource) -> None:
    realistic(server, 34)
    release = gather(source, "demo", ONE)
    assert ways(release) == ["range"] * 34
    assert server.count() / 34 <= 1.4
    assert server.count(path=".metadata") == 1, "tried once for the release, not for each wheel"
    assert {requires(file.reading) for file in release.files} == {("numpy",)}
    assert not any(file.reading.verified for file in release.files)


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("sidecar", [Sidecar.NONE, Sidecar.UNADVERTISED, Sidecar.ADVERTISED])
def test_the_second_run_makes_only_conditional_requests(
    server: IndexServer, tmp_path: Path, sidecar: Sidecar, etags: bool
) -> None:
    server.etags = etags
    for name in names(9):
        server.add(name, wheel(name=name), metadata=metadata(), sidecar=sidecar)
    server.add(SDIST, sdist())
    seen = []
    for _ in range(2):
        server.forget()
        with source_of(server.url, cache=SqliteCache(tmp_path)) as source:
            seen.append(gather(source, "demo", ONE))
    (request,) = server.log
    assert request.path == "/simple/demo/"
    if etags:
        assert request.status == 304
        assert "if-none-match" in request.headers
    assert seen[0] == seen[1]


def test_a_changed_page_is_read_anew(server: IndexServer) -> None:
    cache = MemoryCache()
    server.add(WHEEL, wheel())
    with source_of(server.url, cache=cache) as source:
        assert len(source.listing(DEMO).files) == 1
    server.add(SDIST, b"")
    with source_of(server.url, cache=cache) as source:
        assert len(source.listing(DEMO).files) == 2
    assert [request.status for request in server.log] == [200, 200]


@pytest.mark.parametrize("ranges", list(Ranges))
def test_any_kind_of_server(server: IndexServer, source: IndexSource, ranges: Ranges) -> None:
    server.ranges = ranges
    server.add(WHEEL, wheel(padding=300_000))
    reading = source.read(only(source))
    if ranges is Ranges.WRONG:
        assert "the server answers a range request with something else" in reason(reading)
        return
    assert requires(reading) == ("numpy",)
    assert reading.how is (How.FILE if ranges is Ranges.IGNORED else How.RANGE)
    assert reading.verified is (ranges is Ranges.IGNORED)


def test_a_whole_file_with_another_hash(server: IndexServer, source: IndexSource) -> None:
    server.ranges = Ranges.IGNORED
    server.add(WHEEL, wheel(), sha256="cd" * 32)
    assert "the file's sha256 is not the one that the listing gives" in reason(
        source.read(only(source))
    )


def test_one_unreadable_file_does_not_stop_the_others(
    server: IndexServer, source: IndexSource
) -> None:
    first, second, third, fourth = names(4)
    server.add(first, wheel(name=first))
    server.add(second, b"this is no archive")
    server.add(third, b"", size=0, link="../../files/gone.whl")
    server.add(fourth, wheel(name=fourth), size=5)
    release = gather(source, "demo", ONE)
    one, two, three, four = (file.reading for file in release.files)
    assert requires(one) == ("numpy",)
    assert reason(two)
    assert reason(three) == (
        f"`{server.origin}/files/gone.whl`: does not exist: found status 404 Not Found"
    )
    assert reason(four).startswith("the file's size is not the one that the listing gives: found ")


@pytest.mark.parametrize("fault", [Drop(), Truncate(500), Status(502)])
@pytest.mark.parametrize("filename", [WHEEL, SDIST])
def test_faults_on_the_way(
    server: IndexServer, source: IndexSource, fault: Any, filename: str
) -> None:
    server.add(WHEEL, wheel(padding=3000))
    server.add(SDIST, sdist(padding=3000))
    server.fault(filename, fault, times=2)
    assert requires(source.read(only(source, filename))) == ("numpy",)


def test_a_dead_server_raises(server: IndexServer, source: IndexSource) -> None:
    server.add(WHEEL, wheel())
    file = only(source)
    server.fault(WHEEL, Drop(), times=99)
    with pytest.raises(SourceError) as caught:
        source.read(file)
    assert str(caught.value).startswith(
        f"`{server.file_url(WHEEL)}`: the server gave no usable answer: found a dropped connection"
    )


def test_an_sdist_is_read_until_its_metadata_has_passed(
    server: IndexServer, source: IndexSource
) -> None:
    server.add(SDIST, sdist(padding=20_000_000))
    reading = source.read(only(source, SDIST))
    assert requires(reading) == ("numpy",)
    assert (reading.how, reading.verified) == (How.RANGE, False)
    assert server.count(path="/files/") == 1
    assert server.left_early.wait(10), "the connection was closed before the end of the file"


def test_zipped_sdists(server: IndexServer, source: IndexSource) -> None:
    server.add("demo-1.0.zip", sdist(kind="zip"))
    reading = source.read(only(source, "demo-1.0.zip"))
    assert requires(reading) == ("numpy",)


# Deep.


def test_deep_downloads_compares_and_reads_the_sidecar_too(
    server: IndexServer, source: IndexSource
) -> None:
    other = metadata("scipy")
    server.add(WHEEL, wheel(), metadata=other, sidecar=Sidecar.ADVERTISED)
    server.add(SDIST, sdist())
    release = gather(source, "demo", ONE, deep=True)
    reading, source_reading = (file.reading for file in release.files)
    assert requires(reading) == ("numpy",)
    assert (reading.how, reading.verified) == (How.FILE, True)
    assert reading.dist_info == "demo-1.0.dist-info"
    assert reading.wheel_headers is not None
    assert isinstance(reading.sidecar, Metadata)
    assert reading.sidecar.fields["requires-dist"] == ("scipy",)
    assert (source_reading.how, source_reading.verified) == (How.FILE, True)
    assert source_reading.sidecar is None


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"sha256": "ab" * 32}, "the file's sha256 is not the one that the listing gives: found "),
        ({"size": 7}, "the file's size is not the one that the listing gives: found "),
    ],
)
def test_deep_finds_a_changed_file(
    server: IndexServer, source: IndexSource, about: dict[str, Any], message: str
) -> None:
    server.add(WHEEL, wheel(), **about)
    reading = source.read(only(source), deep=True)
    assert reason(reading).startswith(message)
    assert not reading.verified


# Files by their address.


def test_a_file_by_its_address(server: IndexServer, source: IndexSource) -> None:
    served = server.add(WHEEL, wheel())
    url = server.file_url(WHEEL).replace("http://", "http://user:secret@")
    urls = UrlSource([f"{url}#sha256={served.digest}"], source)
    release = gather(urls, "demo")
    assert release.version == ONE
    assert ways(release) == ["range"]
    assert release.files[0].artifact.hashes == {"sha256": served.digest}
    assert release.files[0].artifact.url == server.file_url(WHEEL)
    deep = gather(urls, "demo", deep=True).files[0].reading
    assert deep.verified
    with pytest.raises(NotFoundError):
        urls.listing(canonicalize_name("other"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            f"ftp://u:p@index.test/{WHEEL}",
            f"`ftp://****@index.test/{WHEEL}`: cannot be fetched: found the scheme `ftp`, "
            "expected an http, https or file address",
        ),
        (
            f"https://index.test:port/{WHEEL}",
            f"`https://index.test:port/{WHEEL}`: is a malformed address: "
            "found Port could not be cast to integer value as 'port'",
        ),
        (
            "https://index.test/x.txt",
            "`https://index.test/x.txt`: is not the address of a wheel or sdist: "
            "found neither a wheel nor an sdist",
        ),
    ],
)
def test_addresses_that_lead_nowhere(url: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        artifact_of_url(url)
    assert str(caught.value) == message


def test_the_configured_index(server: IndexServer, tmp_path: Path) -> None:
    server.auth = ("user", "pass")
    server.add(WHEEL, wheel())
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password pass")
    config = IndexConfig(indexes=(IndexUrl(url=server.url, origin="test"),))
    with open_index(config, environ={"NETRC": str(netrc)}) as source:
        assert requires(source.read(only(source))) == ("numpy",)
