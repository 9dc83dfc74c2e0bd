"""How many requests a server answers per second, by wrk, and what that costs its processes."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.other_servers import free_port, started
from tests.processes import family, load, processor_seconds

__all__ = ["Row", "bare"]

CONNECTIONS = 16


@dataclass(slots=True, kw_only=True)
class Row:
    """One way of asking one server, and what every round of it gave: pages per second, the same
    per second that the server had a processor, the load of the machine before, broken connections.
    """

    name: str
    kind: str
    url: str
    pid: int
    headers: tuple[str, ...] = ()
    size: int = 0
    speeds: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    broken: int = 0

    def measure(self, seconds: int) -> None:
        """One round: one thread of wrk with 16 connections."""
        self.loads.append(load())
        processes = family(self.pid)
        before = processor_seconds(processes)
        words = [word for header in self.headers for word in ("-H", header)]
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", *words, self.url],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "Non-2xx" not in done.stdout, f"{self.url}: {done.stdout}"
        found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
        assert found is not None, done.stdout
        answered = re.search(r"(\d+) requests in", done.stdout)
        assert answered is not None, done.stdout
        self.speeds.append(float(found[1]))
        self.costs.append(int(answered[1]) / (processor_seconds(processes) - before))
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)",
                           done.stdout)  # fmt: skip
        self.broken += sum(map(int, errors.groups())) if errors is not None else 0

    @property
    def speed(self) -> float:
        """Pages per second, the median of all rounds."""
        return statistics.median(self.speeds)

    @property
    def cost(self) -> float:
        """Pages per processor second, the median of all rounds."""
        return statistics.median(self.costs)


BARE = """
import sys
from pathlib import Path
import uvicorn
body = Path(sys.argv[1]).read_bytes()
start = {"type": "http.response.start", "status": 200,
         "headers": [(b"content-length", str(len(body)).encode())]}
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send(start)
        await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False, lifespan="off")
"""
"""The same server without us: an application that knows one answer."""


@contextmanager
def bare(body: bytes, folder: Path) -> Iterator[tuple[str, int]]:
    """uvicorn with one answer, which it finds in memory: its address and process number."""
    folder.mkdir()
    (folder / "body").write_bytes(body)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command: list[str | Path] = [sys.executable, "-c", BARE, folder / "body", str(port)]
    with started(command, url, log=folder / "log") as pid:
        yield url, pid
