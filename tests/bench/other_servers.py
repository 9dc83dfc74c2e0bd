"""Other index servers, each started as its own documentation says, with the same release on it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

__all__ = ["EVERY", "Other", "Page", "Setting", "free_port", "started"]

_PLAIN: dict[str, Any] = {"verify": False, "timeout": 120, "trust_env": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every server is given: the wheels in ``files``, the same on an index (``upstream``, the
    address of its pages) that mirrors may ask, and an empty ``folder`` of its own.
    """

    bin: Path
    files: Path
    upstream: str
    project: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page to ask for: which server in which way, where, and the root of its processes."""

    name: str
    url: str
    pid: int
    forms: tuple[str, ...] = ("JSON", "HTML")


Start = Callable[[Setting], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A server: the distribution with its name, what is installed beside it, how it is started."""

    name: str
    start: Start
    beside: tuple[str, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """What is installed for it."""
        return (self.name, *self.beside)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    command: list[str | Path], url: str, *, log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[int]:
    """A server's process, from its first answer at an address on; its number."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**inherited, **(environ or {})},
            start_new_session=True,
        )  # fmt: skip
    try:
        for _ in range(600):
            try:
                httpx2.get(url, **_PLAIN)
                break
            except httpx2.HTTPError:
                if process.poll() is not None:
                    raise AssertionError(log.read_text("utf-8", "replace")) from None
                time.sleep(0.1)
        else:
            raise AssertionError(f"{command[0]} does not come up")
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


# --- each of them ---------------------------------------------------------------------------------


@contextmanager
def _pypiserver(setting: Setting) -> Iterator[list[Page]]:
    """Its fastest way: gunicorn with threads, and listings cached (extra `cache`)."""
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [
        setting.bin / "pypi-server", "run", "-i", "127.0.0.1", "-p", str(port),
        "--disable-fallback", "--server", "gunicorn", setting.files,
    ]  # fmt: skip
    environ = {"GUNICORN_CMD_ARGS": "--threads 4"}
    with started(command, f"{root}/", log=setting.folder / "log", environ=environ) as pid:
        url = f"{root}/simple/{setting.project}/"
        yield [Page(name="pypiserver", url=url, pid=pid, forms=("HTML",))]


@contextmanager
def _proxpi(setting: Setting) -> Iterator[list[Page]]:
    """In gunicorn with threads, as its image does it; its cache outlives the measurement."""
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [
        setting.bin / "gunicorn", "--threads", "4", "--bind", f"127.0.0.1:{port}", "proxpi.server:app",
    ]  # fmt: skip
    environ = {"PROXPI_INDEX_URL": setting.upstream, "PROXPI_INDEX_TTL": "86400"}
    with started(command, f"{root}/", log=setting.folder / "log", environ=environ) as pid:
        yield [Page(name="proxpi", url=f"{root}/index/{setting.project}/", pid=pid)]


@contextmanager
def _simple_repository(setting: Setting) -> Iterator[list[Page]]:
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    packages = setting.folder / "packages"
    shutil.copytree(setting.files, packages / setting.project)
    command: list[str | Path] = [
        setting.bin / "simple-repository-server", "--host", "127.0.0.1", "--port", str(port),
        packages,
    ]  # fmt: skip
    with started(command, f"{root}/simple/", log=setting.folder / "log") as pid:
        url = f"{root}/simple/{setting.project}/"
        yield [Page(name="simple-repository-server", url=url, pid=pid)]


@contextmanager
def _devpi(setting: Setting) -> Iterator[list[Page]]:
    """A mirror of the index, and an index of its own with the same files uploaded."""
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    place: list[str | Path] = ["--serverdir", setting.folder / "data"]
    subprocess.run(
        [setting.bin / "devpi-init", *place, "--root-passwd", "bench", "--no-root-pypi"],
        check=True, capture_output=True,
    )  # fmt: skip
    command: list[str | Path] = [
        setting.bin / "devpi-server", *place, "--host", "127.0.0.1", "--port", str(port),
        "--mirror-cache-expiry", "86400",
    ]  # fmt: skip
    with started(command, f"{root}/+api", log=setting.folder / "log") as pid:
        with httpx2.Client(base_url=root, **_PLAIN) as client:
            login = client.post("/+login", json={"user": "root", "password": "bench"}).json()
            token = b64encode(f"root:{login['result']['password']}".encode()).decode()
            indexes = {
                "mirror": {"type": "mirror", "mirror_url": setting.upstream},
                "own": {"type": "stage", "bases": []},
            }
            for name, said in indexes.items():
                answer = client.put(f"/root/{name}", json=said, headers={"X-Devpi-Auth": token})
                assert answer.status_code == 200, answer.text
            for path in sorted(setting.files.iterdir()):
                answer = client.post(
                    "/root/own/",
                    data={":action": "file_upload", "name": setting.project, "version": "1.0"},
                    files={"content": (path.name, path.read_bytes())},
                    headers={"X-Devpi-Auth": token},
                )
                assert answer.status_code == 200, answer.text
        pages = {"devpi-server, mirror": "mirror", "devpi-server, uploaded": "own"}
        yield [
            Page(name=name, url=f"{root}/root/{index}/+simple/{setting.project}/", pid=pid)
            for name, index in pages.items()
        ]


EVERY = (
    Other(name="devpi-server", start=_devpi),
    Other(name="pypiserver", start=_pypiserver, beside=("pypiserver[cache]", "gunicorn")),
    Other(name="proxpi", start=_proxpi, beside=("gunicorn",)),
    Other(name="simple-repository-server", start=_simple_repository, beside=("uvicorn",)),
)
