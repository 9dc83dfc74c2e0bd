"""A real `trueup serve` in a process of its own, for tests that speak HTTP to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.waiting import until

__all__ = ["Server", "serving", "trueup"]


def trueup(
    *arguments: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> str:
    """Run the command line; returns what it prints."""
    code = "from trueup.interfaces.cli.main import main; import sys; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, timeout=60, check=False, cwd=cwd,
        env={**os.environ, **(environ or {})},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


_PLAIN: dict[str, Any] = {"verify": False, "timeout": 30}
"""There is no TLS here: reading the certificates of the system for each request takes longer than
the request."""


class Server:
    """A running index: its address, a token that may do everything, and its process."""

    def __init__(self, url: str, token: str, process: subprocess.Popen[bytes], data: Path) -> None:
        self.url = url
        self.token = token
        self.process = process
        self.data = data

    def answers(self) -> bool:
        """Whether it is there, and its database is."""
        try:
            return self.get("/health").status_code == 200
        except httpx2.HTTPError:
            return False

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """A page or a file; header names with `_` for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.get(f"{self.url}{path}", headers=fields, **_PLAIN)

    def json(self, project: str, view: str = "") -> list[str]:
        """The file names on a project's page, in its order."""
        answer = self.get(f"{view}/simple/{project}/", accept="application/vnd.pypi.simple.v1+json")
        assert answer.status_code == 200, answer.text
        return [file["filename"] for file in answer.json()["files"]]

    def upload(self, path: Path, channel: str = "", **fields: str) -> httpx2.Response:
        """The legacy form, as uploaders send it."""
        return httpx2.post(
            f"{self.url}{channel}/legacy/",
            data={":action": "file_upload", "protocol_version": "1", **fields},
            files={"content": (path.name, path.read_bytes())},
            auth=("__token__", self.token),
            **_PLAIN,
        )

    def release(self, project: str, version: str) -> dict[str, Any]:
        """A release of the main channel, whether it is published or not."""
        found = httpx2.get(
            f"{self.url}/api/{project}/{version}", auth=("__token__", self.token), **_PLAIN
        ).json()
        assert isinstance(found, dict)
        return found

    def post(self, path: str) -> httpx2.Response:
        return httpx2.post(f"{self.url}{path}", auth=("__token__", self.token), **_PLAIN)


@contextmanager
def serving(
    data: Path,
    *options: str,
    cwd: Path | None = None,
    store: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    token: str | None = None,
    log: Path | None = None,
) -> Iterator[Server]:
    """Start an index on a free port, and stop it afterwards.

    ``store`` are options that say where it keeps what it has, ``token`` one that was made before,
    ``log`` the file that gets what it says.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = token or trueup(
        "serve", "--data", str(data), *store, "token", "tests",
        *(word for action in ("upload", "publish", "yank", "close", "delete")
          for word in ("--may", action)),
        environ=environ,
    )  # fmt: skip
    code = "from trueup.interfaces.cli.main import main; import sys; sys.exit(main())"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    with Path(os.devnull if log is None else log).open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--data", str(data), *store,
             "--port", str(port), *options],
            stdout=subprocess.DEVNULL, stderr=said, cwd=cwd,
            env={**inherited, **(environ or {})},
        )  # fmt: skip
    server = Server(f"http://127.0.0.1:{port}", token, process, data)
    try:
        until(lambda: process.poll() is not None or server.answers(), "the index does not come up")
        assert process.poll() is None, f"the index ended with {process.returncode}"
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)
