"""`trueup serve` under mixed traffic: every answer is right, and nothing grows.

A few seconds on each store by default; `just soak` asks for ten minutes (`TRUEUP_SOAK`, in seconds)
and prints what memory and open files did.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.processes import family, load, memory, open_files, processor_seconds, threads
from tests.serveplaces import ServePlace, start
from tests.servetraffic import Traffic
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

SECONDS = float(os.environ.get("TRUEUP_SOAK", "2"))
SEED = int(os.environ.get("TRUEUP_SEED", "1"))
SEEN = frozenset({"upload 200", "publish 200", "page 200"})
"""What must have been answered, however slow the machine is."""

LONG = 120.0
"""Seconds from which on a trend can be told from the first filling of caches."""

MIB_PER_HOUR, FILES_PER_HOUR = 60.0, 20.0
"""Less than this over the second half is no growth: what is kept once more for each request would
be a multiple of it."""


@dataclass(slots=True, kw_only=True)
class Samples:
    """What the processes of an index held, once in a while; times in seconds from the start."""

    times: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)

    def take(self, traffic: Traffic, root: int, begun: float) -> None:
        """Look once."""
        processes = family(root)
        self.times.append(time.monotonic() - begun)
        self.memory.append(memory(processes))
        self.files.append(open_files(processes))
        self.threads.append(threads(processes))
        self.requests.append(traffic.requests)

    def per_hour(self, values: list[float] | list[int]) -> float:
        """How much they grow in an hour, by the regression line through the second half."""
        half = len(values) // 2
        line = statistics.linear_regression(self.times[half:], values[half:])
        return line.slope * 3600

    def table(self) -> str:
        """A line for each tenth of the time."""
        lines = ["| minute | requests | MiB | open files | threads |", "|---|---|---|---|---|"]
        count = len(self.times)
        lines += [
            f"| {self.times[at] / 60:.1f} | {self.requests[at]:,} | {self.memory[at]:.0f} | "
            f"{self.files[at]} | {self.threads[at]} |"
            for at in sorted({round((count - 1) * tenth / 10) for tenth in range(11)})
        ]
        return "\n".join(lines)


def test_nothing_grows_and_every_answer_is_right(place: ServePlace) -> None:
    # Of several workers one hears of another's change within a moment.
    workers = 2 if place.store else 1
    options = ("--hosted-only", "--policy", "warn", "--workers", str(workers))
    samples = Samples()
    place.data.mkdir(exist_ok=True)
    (place.data / "serve.toml").write_text("[limits]\nrequests = false\nuploads = false\n", "utf-8")
    with start(place, *options) as server:
        root = server.process.pid
        folder = place.data.parent / "dist"
        folder.mkdir()
        traffic = Traffic(
            server, folder, seed=SEED, writers=2, lag=0.0 if workers == 1 else 5.0
        )  # fmt: skip
        before, begun = open_files(family(root)), time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            running = [pool.submit(traffic.write, number) for number in range(2)]
            running += [pool.submit(traffic.read, number) for number in range(4)]
            while time.monotonic() < begun + SECONDS + 60 and not traffic.stop.is_set():
                if time.monotonic() >= begun + SECONDS and set(traffic.counts) >= SEEN:
                    break
                samples.take(traffic, root, begun)
                traffic.stop.wait(min(1.0, SECONDS / 20))
            traffic.stop.set()
            for one in running:
                one.result(timeout=60)
        assert not traffic.wrong, "\n".join([f"{len(traffic.wrong)} wrong:", *traffic.wrong[:5]])
        used = processor_seconds(family(root))
        # Connections of clients that are gone are closed; a pool keeps up to five to the store, of
        # three files each.
        until(lambda: open_files(family(root)) <= before + 20 * workers)
        assert place.unfinished() == []
    assert place.fsck().startswith("0 files lost")
    assert set(traffic.counts) >= SEEN
    growth = samples.per_hour(samples.memory), samples.per_hour(samples.files)
    print(
        f"\n{'PostgreSQL and S3, 2 workers' if place.store else 'SQLite and a folder, 1 worker'}, "
        f"{SECONDS:.0f} s, load {load()}, {used:.0f} processor seconds, seed {SEED}:\n"
        f"{dict(sorted(traffic.counts.items()))}\n{samples.table()}\n"
        f"second half: {growth[0]:+.1f} MiB and {growth[1]:+.1f} open files an hour"
    )
    if SECONDS >= LONG:
        assert growth[0] < MIB_PER_HOUR
        assert growth[1] < FILES_PER_HOUR
