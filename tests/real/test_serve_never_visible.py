"""A release of three files, one of which contradicts the others, is never seen: not for a moment.

Readers ask for every page that could show it as fast as they can, from before the first upload until
after everything was tried that publishes.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.build import make_wheel
from tests.real.test_serve_clients import twine, uv
from tests.serveplaces import JSON, digest
from tests.serving import Server, serving

TAGS = ("py3-none-manylinux_2_17_x86_64", "py3-none-macosx_11_0_arm64", "py3-none-win_amd64")
QUIET = 0.5


def release(folder: Path, name: str, odd: int) -> list[Path]:
    """Three wheels; the one with the number ``odd`` asks for something else."""
    return [
        make_wheel(folder, name, "1.0", tags=tag, requires=["one", *(["two"] * (n == odd))])
        for n, tag in enumerate(TAGS)
    ]


class Readers:
    """What anybody could see of projects: ``seen`` counts the answers by page and status."""

    def __init__(self, server: Server, projects: Mapping[str, list[Path]]) -> None:
        self._server = server
        self._stop = threading.Event()
        self.seen: Counter[tuple[str, int]] = Counter()
        self._projects = projects
        self._hidden = [
            path
            for name, wheels in projects.items()
            for path in (
                *(f"{channel}{view}/simple/{name}/" for channel in ("", "/c/other")
                  for view in ("", "/corrected")),
                *(f"/files/{digest(wheel)}/{wheel.name}" for wheel in wheels),
                f"/files/{digest(wheels[0])}/{wheels[0].name}.metadata",
            )
        ]  # fmt: skip

    def _read(self, accept: str) -> None:
        with httpx2.Client(
            base_url=self._server.url, headers={"accept": accept}, verify=False, trust_env=False,
            timeout=60,
        ) as client:  # fmt: skip
            while not self._stop.is_set():
                for path in self._hidden:
                    self.seen[path, client.get(path).status_code] += 1
                listed = client.get("/simple/").text
                self.seen[f"listed: {any(name in listed for name in self._projects)}", 200] += 1

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While the context lasts."""
        with ThreadPoolExecutor(3) as pool:
            running = [pool.submit(self._read, accept) for accept in (JSON, "text/html", "*/*")]
            try:
                yield
            finally:
                self._stop.set()
            for one in running:
                one.result(timeout=60)

    def check(self) -> None:
        """Nobody saw anything, and they looked."""
        assert {status for (path, status) in self.seen if path in self._hidden} == {404}
        assert {path for path, _ in self.seen} == {*self._hidden, "listed: False"}


def by_form(server: Server, folder: Path, *paths: Path) -> None:
    for path in paths:
        server.upload(path)


def by_manifest(server: Server, folder: Path, *paths: Path) -> None:
    names = [path.name for path in paths]
    for path in paths:
        server.upload(path, trueup_expected=str(names).replace("'", '"'))


def by_three_at_once(server: Server, folder: Path, *paths: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert len(list(pool.map(server.upload, paths))) == 3


WAYS: dict[str, Callable[..., object]] = {
    "twine": twine,
    "uv": uv,
    "the form": by_form,
    "with a manifest": by_manifest,
    "at once": by_three_at_once,
}


@pytest.mark.parametrize(("policy", "workers"), [("reject", 1), ("quarantine", 2)])
def test_a_release_that_contradicts_itself_is_never_seen(
    policy: str, workers: int, tmp_path: Path
) -> None:
    options = ("--policy", policy, "--quiet-period", str(QUIET), "--workers", str(workers))
    (tmp_path / "dist").mkdir()
    projects = {
        f"by{number}": release(tmp_path / "dist", f"by{number}", odd=number % 3)
        for number in range(len(WAYS))
    }
    with serving(tmp_path / "data", "--hosted-only", *options, cwd=tmp_path) as server:
        readers = Readers(server, projects)
        with readers.reading():
            for (name, wheels), upload in zip(projects.items(), WAYS.values(), strict=True):
                upload(server, tmp_path, *wheels)
                assert server.release(name, "1.0")["state"] == "quarantined"
            # Long enough for what publishes by itself.
            time.sleep(QUIET + 1.2)
            for name in projects:
                found = server.release(name, "1.0")
                assert found["state"] == "quarantined"
                if policy == "quarantine":
                    assert len(found["files"]) == 3
                    assert server.post(f"/api/{name}/1.0/publish").status_code == 400
        readers.check()


def test_it_is_seen_whole_once_the_file_is_right(tmp_path: Path) -> None:
    """What was refused comes again under its name, and says the same as the others now."""
    paths = release(tmp_path, "demo", odd=1)
    options = ("--hosted-only", "--quiet-period", str(QUIET))
    with serving(tmp_path / "data", *options, cwd=tmp_path) as server:
        assert [server.upload(path).status_code for path in paths] == [200, 400, 200]
        time.sleep(QUIET + 1.2)
        assert server.get("/simple/demo/").status_code == 404
        found = server.release("demo", "1.0")
        assert (found["state"], list(found["verdict"]["refused"])) == (
            "quarantined", [paths[1].name]
        )  # fmt: skip
        right = make_wheel(tmp_path, "demo", "1.0", tags=TAGS[1], requires=["one"])
        assert server.upload(right).status_code == 200
        end = time.monotonic() + 20
        while server.get("/simple/demo/").status_code == 404:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert set(server.json("demo")) == {path.name for path in paths}


def test_somebody_who_says_so_publishes_what_agrees(tmp_path: Path) -> None:
    paths = release(tmp_path, "demo", odd=2)
    with serving(tmp_path / "data", "--hosted-only", cwd=tmp_path) as server:
        assert [server.upload(path).status_code for path in paths] == [200, 200, 400]
        assert server.post("/api/demo/1.0/publish").status_code == 200
        assert server.json("demo") == [path.name for path in paths[:2]]
        assert "refused" not in server.release("demo", "1.0")["verdict"]
