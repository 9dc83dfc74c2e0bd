"""Real servers behind an index, for tests: PostgreSQL, and an object store that speaks S3."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from tests.waiting import until

__all__ = ["ObjectServer", "Postgres", "object_server", "postgres", "postgres_bin"]


def postgres_bin() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; Debian keeps them off the path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return kept[-1].parent if kept else None


class Postgres:
    """A PostgreSQL server of our own, on a socket and a free port, that can be stopped hard."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._data = folder / "data"
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._count = 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        # initdb and the server refuse to be root.
        user = "postgres" if os.geteuid() == 0 else None
        done = subprocess.run(
            command, user=user, cwd=self._folder, timeout=60, check=False,
            stdout=subprocess.PIPE if program == "psql" else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
        assert done.returncode == 0, (program, self._log())

    def _log(self) -> str:
        log = self._folder / "log"
        return log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""

    def make(self) -> None:
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(self._folder, entry.pw_uid, entry.pw_gid)
        self._run(
            "initdb", "-D", str(self._data), "-A", "trust", "-U", "trueup", "-N", "-E", "UTF8"
        )

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run(
            "pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(self._folder / "log"),
            "-o", options,
        )  # fmt: skip

    def stop(self) -> None:
        """Without waiting for anybody: connections break."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self._data))

    def new(self) -> str:
        """The address of an empty database."""
        self._count += 1
        name = f"trueup{self._count}"
        self._run(
            "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "trueup", "-d", "postgres",
            "-c", f"CREATE DATABASE {name}",
        )  # fmt: skip
        return f"postgresql://trueup@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server that runs while the context lasts."""
    programs = postgres_bin()
    assert programs is not None, "PostgreSQL is not installed"
    with TemporaryDirectory(prefix="trueup-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = Postgres(programs, folder)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()


class ObjectServer:
    """An object store that speaks S3 over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._count = 0

    @property
    def environ(self) -> dict[str, str]:
        """What tells obstore where it is, and who asks."""
        return {
            "AWS_ENDPOINT": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_REGION": "us-east-1",
        }

    def bucket(self) -> str:
        """The name of an empty bucket."""
        self._count += 1
        name = f"bucket{self._count}"
        httpx2.put(f"{self.url}/{name}", headers={"host": self.url.partition("//")[2]})
        return name


def _answers(url: str) -> bool:
    try:
        httpx2.get(url)
    except httpx2.HTTPError:
        return False
    return True


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    """A server in a process of its own, while the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    server = ObjectServer(f"http://127.0.0.1:{port}")
    try:
        until(lambda: _answers(f"{server.url}/moto-api/"), "the object store does not come up")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)
