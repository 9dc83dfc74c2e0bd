"""Readers and writers that go at an index all at once, and know what each answer may be.

Every writer has projects of its own, whose pages therefore have one state after the other; a reader
accepts the states that a page can have had while it was asked for, and nothing else.
"""

from __future__ import annotations

import hashlib
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.build import make_wheel
from tests.serveplaces import JSON
from tests.serving import Server

__all__ = ["Traffic"]

PROJECTS = 6
"""Of each writer; the names stay, so that what is kept of them does not grow."""

VERSIONS = 3
NAMES, CONTENTS = 6, 2
"""Versions of each project, and contents of each file: they come again, and so do the derived wheels.

What was parsed is kept up to a number; were names and contents always new, filling that for hours
could not be told from a leak.
"""

TAGS = ("py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64", "py3-none-macosx_11_0_arm64")
SIZES = (10, 10, 3_000, 50_000, 50_000, 400_000, 3_000_000)
_DERIVED = re.compile(r"-\d+cons\d*-")


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A wheel as it was uploaded."""

    filename: str
    data: bytes
    sha256: str


@dataclass(slots=True, kw_only=True)
class _State:
    """What a page lists from one time on, until another; None: still."""

    files: Mapping[str, _File]
    since: float
    until: float | None = None


@dataclass(kw_only=True)
class _Project:
    """The states of one page, by its writer alone; readers look at them."""

    name: str
    versions: dict[str, dict[str, _File]] = field(default_factory=dict)
    count: int = 0
    states: list[_State] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.states.append(_State(files={}, since=0.0))

    def new_version(self) -> str:
        """One that is not there; those that were deleted come again."""
        while True:
            self.count += 1
            version = f"1.{self.count % NAMES}"
            if version not in self.versions:
                return version

    @contextmanager
    def becomes(self, versions: dict[str, dict[str, _File]]) -> Iterator[None]:
        """The change happens somewhere within the context."""
        old = self.states[-1]
        files = {name: file for found in versions.values() for name, file in found.items()}
        # Nobody waits for an answer as long as this many changes take.
        self.states = [*self.states[-200:], _State(files=files, since=time.monotonic())]
        yield
        self.versions, old.until = versions, time.monotonic()

    def between(self, start: float, end: float) -> list[Mapping[str, _File]]:
        """What the page may list for somebody who asked then."""
        return [
            one.files
            for one in self.states
            if one.since <= end and (one.until is None or one.until >= start)
        ]


class Traffic:
    """Mixed requests until it is told to stop; ``wrong`` is what was not as it must be.

    ``lag`` are the seconds after which every worker must have heard of a change.
    """

    def __init__(
        self, server: Server, folder: Path, *, seed: int, writers: int, lag: float = 0.0
    ) -> None:
        self._server = server
        self._folder = folder
        self._seed = seed
        self._lag = lag
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._projects = [
            [_Project(name=f"w{writer}p{number}") for number in range(PROJECTS)]
            for writer in range(writers)
        ]

    @property
    def requests(self) -> int:
        """How many were answered so far."""
        with self._lock:
            return sum(self.counts.values())

    def _client(self) -> httpx2.Client:
        auth = ("__token__", self._server.token)
        return httpx2.Client(
            base_url=self._server.url, auth=auth, verify=False, trust_env=False, timeout=60
        )

    def _seen(self, kind: str, answer: httpx2.Response, *expected: int) -> bool:
        with self._lock:
            self.counts[f"{kind} {answer.status_code}"] += 1
        if answer.status_code in expected:
            return True
        self._note(f"{kind}: {answer.status_code} for {answer.url}: {answer.text[:300]}")
        return False

    def _note(self, what: str) -> None:
        with self._lock:
            self.wrong.append(what)

    @contextmanager
    def _working(self) -> Iterator[httpx2.Client]:
        """A client; who cannot go on says so, and ends all."""
        try:
            with self._client() as client:
                yield client
        except Exception as error:
            self._note(f"{type(error).__name__}: {error}")
            self.stop.set()

    # --- writing ------------------------------------------------------------------------------------

    def write(self, number: int) -> None:
        """Upload, publish, yank and delete, until it is told to stop."""
        chance = random.Random(f"{self._seed} writer {number}")
        folder = self._folder / f"writer{number}"
        folder.mkdir()
        with self._working() as client:
            while not self.stop.is_set():
                project = chance.choice(self._projects[number])
                if len(project.versions) >= VERSIONS:
                    self._delete(client, project, chance.choice(sorted(project.versions)))
                elif project.versions and chance.random() < 0.2:
                    self._yank(client, project, chance)
                else:
                    self._release(client, project, chance, folder)

    def _release(
        self, client: httpx2.Client, project: _Project, chance: random.Random, folder: Path
    ) -> None:
        version, files = project.new_version(), {}
        differ = chance.random() < 0.5
        content = random.Random(f"{project.name} {version} {chance.randrange(CONTENTS)}")
        for tag in TAGS[: chance.randint(1, 3)]:
            path = make_wheel(
                folder, project.name, version, tags=tag,
                requires=["one", *([f"for-{tag[-5:]}"] if differ else [])],
                files={f"{project.name}/x": content.randbytes(content.choice(SIZES))},
            )  # fmt: skip
            data = path.read_bytes()
            path.unlink()
            file = _File(
                filename=path.name, data=data, sha256=hashlib.sha256(data).hexdigest()
            )  # fmt: skip
            if not self._seen("upload", self._upload(client, file.filename, data), 200):
                return
            files[file.filename] = file
            match chance.randrange(12):
                case 0:
                    self._seen("upload again", self._upload(client, file.filename, data), 409)
                case 1:
                    other = data[:-1] + bytes([data[-1] ^ 1])
                    self._seen("upload other", self._upload(client, file.filename, other), 400)
                case 2:
                    answer = client.post(
                        "/legacy/", files={"content": (path.name, data)}, auth=("__token__", "no")
                    )
                    self._seen("upload without token", answer, 401)
        with project.becomes({**project.versions, version: files}):
            self._seen("publish", client.post(f"/api/{project.name}/{version}/publish"), 200)

    def _upload(self, client: httpx2.Client, filename: str, data: bytes) -> httpx2.Response:
        fields = {":action": "file_upload", "protocol_version": "1"}
        return client.post("/legacy/", data=fields, files={"content": (filename, data)})

    def _delete(self, client: httpx2.Client, project: _Project, version: str) -> None:
        left = {one: files for one, files in project.versions.items() if one != version}
        with project.becomes(left):
            self._seen("delete", client.post(f"/api/{project.name}/{version}/delete"), 200)

    def _yank(self, client: httpx2.Client, project: _Project, chance: random.Random) -> None:
        name = chance.choice(sorted(project.states[-1].files))
        query = chance.choice(("reason=bad", "undo=1"))
        self._seen("yank", client.post(f"/api/{project.name}/yank/{name}?{query}"), 200)

    # --- reading ------------------------------------------------------------------------------------

    def read(self, number: int) -> None:
        """Ask for pages and files, until it is told to stop."""
        chance = random.Random(f"{self._seed} reader {number}")
        every = [project for found in self._projects for project in found]
        known: dict[str, tuple[str, set[str]]] = {}
        with self._working() as client:
            while not self.stop.is_set():
                project = chance.choice(every)
                match chance.randrange(20):
                    case 0:
                        place = chance.choice(("/health", "/", "/simple/", "/metrics"))
                        self._seen(f"page {place}", client.get(place), 200)
                    case 1:
                        path = chance.choice(("/simple/none/", f"/files/{'0' * 64}/a.whl", "/x"))
                        self._seen("nothing there", client.get(path), 404)
                    case 2 | 3 | 4 | 5:
                        self._file(client, project, chance)
                    case 6:
                        self._sidecar(client, project, chance)
                    case _:
                        self._page(client, project, chance, known)

    def _page(
        self,
        client: httpx2.Client,
        project: _Project,
        chance: random.Random,
        known: dict[str, tuple[str, set[str]]],
    ) -> None:
        view = chance.choice(("", "", "/corrected", "/c/other", "/c/other/corrected"))
        headers = {
            "accept": chance.choice((JSON, JSON, "text/html")),
            "accept-encoding": chance.choice(("gzip", "identity")),
        }
        path = f"{view}/simple/{project.name}/"
        before = known.get(f"{path} {headers['accept']}")
        if before is not None and chance.random() < 0.3:
            headers["if-none-match"] = before[0]
        start = time.monotonic()
        answer = client.get(path, headers=headers)
        allowed = project.between(start - self._lag, time.monotonic())
        statuses = {200 if files else 404 for files in allowed}
        if "if-none-match" in headers and 200 in statuses:
            statuses.add(304)
        if not self._seen(f"page{view}", answer, *statuses) or answer.status_code == 404:
            return
        if answer.status_code == 200:
            shown = _listed(answer)
            known[f"{path} {headers['accept']}"] = answer.headers["etag"], shown
        elif before is not None:
            shown = before[1]
        found = {name for name in shown if "corrected" not in view or not _DERIVED.search(name)}
        if found not in [set(files) for files in allowed]:
            self._note(
                f"{path} after {time.monotonic() - start:.2f} s, {headers}: "
                f"{sorted(found)} is none of {[sorted(one) for one in allowed]}"
            )

    def _file(self, client: httpx2.Client, project: _Project, chance: random.Random) -> None:
        file = self._any(project, chance)
        if file is None:
            return
        size, path = len(file.data), f"/files/{file.sha256}/{file.filename}"
        first = chance.randrange(size)
        last = min(size - 1, first + chance.choice((0, 10, 70_000, 2_000_000)))
        asked, expected = chance.choice(
            (
                (None, file.data),
                (f"bytes={first}-{last}", file.data[first : last + 1]),
                (f"bytes={first}-", file.data[first:]),
                (f"bytes=-{size - first}", file.data[first:]),
            )
        )
        headers = {"accept-encoding": "identity"} | ({"range": asked} if asked else {})
        start = time.monotonic()
        answer = client.get(path, headers=headers)
        kind = "range" if asked else "file"
        if not self._seen(kind, answer, 206 if asked else 200, *self._gone(project, file, start)):
            return
        if answer.status_code != 404 and answer.content != expected:
            self._note(f"{path}: other bytes, {asked}")

    def _sidecar(self, client: httpx2.Client, project: _Project, chance: random.Random) -> None:
        file = self._any(project, chance)
        if file is None:
            return
        start = time.monotonic()
        answer = client.get(f"/files/{file.sha256}/{file.filename}.metadata")
        gone = self._gone(project, file, start)
        if not self._seen("sidecar", answer, 200, *gone) or answer.status_code == 404:
            return
        if f"Name: {project.name}" not in answer.text:
            self._note(f"{file.filename}.metadata is {answer.text[:100]}")

    def _any(self, project: _Project, chance: random.Random) -> _File | None:
        state = project.states[-1]
        # What is about to be published may not be there yet; what was there a moment ago may go.
        files = state.files if len(project.states) < 2 else project.states[-2].files
        return files[chance.choice(sorted(files))] if files else None

    def _gone(self, project: _Project, file: _File, start: float) -> tuple[int, ...]:
        allowed = project.between(start - self._lag, time.monotonic())
        return (404,) if any(file.filename not in files for files in allowed) else ()


def _listed(answer: httpx2.Response) -> set[str]:
    if answer.headers["content-type"].startswith(JSON):
        found: dict[str, Any] = answer.json()
        return {file["filename"] for file in found["files"]}
    return set(re.findall(r">([^<>]+\.whl)</a>", answer.text))
