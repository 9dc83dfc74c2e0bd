"""What `trueup serve` answers when the index behind it hangs, fails, stops half-way, or lies."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.build import make_wheel, metadata_text
from tests.index_server import (
    Drop,
    Fault,
    Hang,
    IndexServer,
    Sidecar,
    Status,
    Truncate,
)
from tests.real.conftest import NO_POSTGRES
from tests.serveplaces import ServePlace, digest, files_of, start
from tests.serving import Server
from tests.waiting import until

FAULTS = {
    "hangs": Hang(),
    "answers 500": Status(500),
    "goes away": Drop(),
    "truncates": Truncate(1),
}
IMPATIENT = {"PIP_TIMEOUT": "1", "PIP_RETRIES": "0"}

Proxy = tuple[Server, ServePlace]


@pytest.fixture(scope="module")
def behind() -> Iterator[IndexServer]:
    with IndexServer() as found:
        yield found


@pytest.fixture(scope="module", params=["here", pytest.param("far", marks=NO_POSTGRES)])
def proxy(
    request: pytest.FixtureRequest, behind: IndexServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """On SQLite and a folder, and on PostgreSQL and an object store."""
    data = tmp_path_factory.mktemp("proxy") / "data"
    if request.param == "here":
        place = ServePlace(data=data, environ=IMPATIENT)
    else:
        database, objects = map(request.getfixturevalue, ("database", "objects"))
        store = ("--database", database.new(), "--blobs", f"s3://{objects.bucket()}/files")
        place = ServePlace(data=data, store=store, environ=objects.environ | IMPATIENT)
    with start(place, "--index", behind.url) as server:
        yield server, place


def served(behind: IndexServer, folder: Path, proxy: Proxy, name: str) -> Path:
    """A wheel on the index behind, under a name that no other test asks for."""
    name = f"{name}{'far' if proxy[1].store else 'here'}"
    wheel = make_wheel(folder, name, "1.0", files={f"{name}/x": os.urandom(50_000)})
    behind.add(wheel.name, wheel.read_bytes())
    return wheel


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_index_behind_it_that_fails(
    behind: IndexServer, proxy: Proxy, tmp_path: Path, fault: Fault
) -> None:
    server, place = proxy
    wheel = served(behind, tmp_path, proxy, f"up{list(FAULTS.values()).index(fault)}")
    name = wheel.name.partition("-")[0]
    page = f"/simple/{name}/"

    def failing(path: str) -> None:
        # More often than anybody tries again.
        behind.fault(path if path == page else wheel.name, fault, times=100)
        answer = server.get(path)
        behind.heal()
        assert answer.status_code == 502, answer.text
        assert answer.json()["title"] == "upstream does not answer"
        assert place.unfinished() == []

    failing(page)
    # After silence it is not asked for as long as that lasted.
    until(lambda: server.get(page).status_code == 200)
    assert files_of(server, name) == {wheel.name: digest(wheel)}
    url = f"/files/{digest(wheel)}/{wheel.name}"
    failing(url)
    assert server.get(url).content == wheel.read_bytes()
    behind.fault(page, fault, times=100)
    stale = server.get(f"/c/other{page}")
    behind.heal()
    assert wheel.name in stale.text
    assert "last good page" in stale.headers["x-trueup-stale"]


def test_an_index_behind_it_that_lies_about_a_digest(
    behind: IndexServer, proxy: Proxy, tmp_path: Path
) -> None:
    server, place = proxy
    lie = ("a" if place.store else "b") * 64
    wheel = served(behind, tmp_path, proxy, "liar")
    behind.add(wheel.name, wheel.read_bytes(), sha256=lie)
    assert files_of(server, wheel.name.partition("-")[0]) == {wheel.name: lie}
    answer = server.get(f"/files/{lie}/{wheel.name}")
    assert answer.status_code == 502
    assert "sha256" in answer.json()["detail"]
    assert not list(place.data.rglob(lie))
    assert place.unfinished() == []


def test_an_index_behind_it_that_lies_about_a_sidecar(
    behind: IndexServer, proxy: Proxy, tmp_path: Path
) -> None:
    server, _ = proxy
    wheel = served(behind, tmp_path, proxy, "sidecar")
    name = wheel.name.partition("-")[0]
    for sidecar, status in ((Sidecar.ADVERTISED, 502), (Sidecar.MISSING, 404)):
        lie = hashlib.sha256(f"{wheel.name} {sidecar}".encode()).hexdigest()
        other = make_wheel(tmp_path, name, f"2.{status}")
        behind.add(
            other.name, other.read_bytes(), sidecar=sidecar, metadata_sha256=lie,
            metadata=metadata_text(name, f"2.{status}", requires=["evil"]).encode(),
        )  # fmt: skip
    files_of(server, name)
    for status in (502, 404):
        other = tmp_path / f"{name}-2.{status}-py3-none-any.whl"
        answer = server.get(f"/files/{digest(other)}/{other.name}.metadata")
        assert answer.status_code == status, answer.text
        assert "evil" not in answer.text


def test_an_index_behind_it_that_hangs_keeps_nobody_from_what_is_here(
    behind: IndexServer, proxy: Proxy, tmp_path: Path
) -> None:
    server, place = proxy
    own = make_wheel(tmp_path, f"own{'far' if place.store else 'here'}", "1.0")
    name = own.name.partition("-")[0]
    behind.fault("/simple/slow", Hang(), times=10_000)
    with ThreadPoolExecutor(60) as pool:
        waiting = [pool.submit(server.get, f"/simple/slow{number}/") for number in range(60)]
        time.sleep(0.3)
        assert server.upload(own).status_code == 200
        assert server.post(f"/api/{name}/1.0/publish").status_code == 200
        assert files_of(server, name) == {own.name: digest(own)}
        assert server.get(f"/files/{digest(own)}/{own.name}").content == own.read_bytes()
        assert {one.result(timeout=60).status_code for one in waiting} == {502}
    # Who comes while others wait in vain does not wait once more.
    assert {server.get(f"/simple/slow{number}/").status_code for number in range(700, 710)} == {502}
    behind.heal()
    assert behind.count(path="/simple/slow70") < 10
