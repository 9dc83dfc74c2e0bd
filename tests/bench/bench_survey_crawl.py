"""What a crawl costs its own machine: processor time for a project, memory over time, requests.

`python -m tests.bench.bench_survey_crawl [PROJECTS]` serves a made-up index from another process on
this machine and crawls it twice with `trueup survey crawl`. Pages are made from a seed when they are
asked for, with the figures of the public index: 22 files for a project in the mean and 4 in the
median, most releases one sdist and one wheel, one project in eleven with many wheels a release,
whose metadata differ in line endings (Windows) and now and then in more. Nothing is left out of the
crawl: pages go over HTTP and through gzip, sidecars are compared with their digests, every row is
written to the dataset.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
import zlib
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.request import urlopen

PLATFORMS = (
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "musllinux_1_2_x86_64",
    "macosx_11_0_arm64",
    "win_amd64",
    "win32",
)
PYTHONS = ("cp39", "cp310", "cp311", "cp312", "cp313", "cp314")
WORDS = ("numpy", "click", "attrs", "requests", "rich", "pydantic", "typing-extensions", "tqdm")


# --- the index ------------------------------------------------------------------------------------


class Made:
    """An index of so many projects, the same for the same seed."""

    def __init__(self, projects: int, seed: int) -> None:
        self.projects, self.seed, self.origin = projects, seed, ""
        self.wheels = 0
        self.page = lru_cache(maxsize=256)(self._page)

    def listed(self) -> bytes:
        names = ",".join(
            f'{{"_last-serial":{number},"name":"p{number:06}"}}' for number in range(self.projects)
        )
        return f'{{"meta":{{"api-version":"1.4"}},"projects":[{names}]}}'.encode()

    def _page(self, number: int) -> bytes:
        chance = random.Random(f"{self.seed}/{number}")
        count = min(3000, int(chance.lognormvariate(1.5, 1.75)) + 1)
        binary = chance.random() < 1 / 11
        files: list[dict[str, Any]] = []
        release = 0
        while len(files) < count:
            files += self._release(chance, number, release, binary=binary)
            release += 1
        self.wheels += sum(file["filename"].endswith(".whl") for file in files)
        page = {"meta": {"api-version": "1.4", "_last-serial": number}, "name": f"p{number:06}",
                "files": files, "versions": [f"1.{one}.0" for one in range(release)]}  # fmt: skip
        return gzip.compress(json.dumps(page).encode(), 1)

    def _release(
        self, chance: random.Random, number: int, release: int, *, binary: bool
    ) -> list[dict[str, Any]]:
        stem = f"p{number:06}-1.{release}.0"
        names = [(f"{stem}.tar.gz", "")]
        if binary:
            style = chance.choices(("same", "newlines", "differs"), (15, 50, 35))[0]
            pythons = PYTHONS[: chance.randint(1, len(PYTHONS))]
            for python in pythons:
                for platform in PLATFORMS:
                    windows = platform.startswith("win")
                    variant = {"same": "a", "newlines": "b" if windows else "a"}.get(
                        style, python if windows else "a"
                    )
                    names.append((f"{stem}-{python}-{python}-{platform}.whl", variant))
        elif chance.random() < 0.8:
            names.append((f"{stem}-py3-none-any.whl", "a"))
        return [self._file(number, release, name, variant) for name, variant in names]

    def _file(self, number: int, release: int, name: str, variant: str) -> dict[str, Any]:
        digest = f"{zlib.crc32(name.encode()):08x}" * 8
        found = {
            "filename": name,
            "url": f"{self.origin}/packages/{number}/{release}/{variant or 'a'}/{digest}/{name}",
            "hashes": {"sha256": digest},
            "requires-python": ">=3.9",
            "size": 123456,
            "upload-time": "2026-01-02T03:04:05.678901Z",
            "yanked": False,
            "provenance": None,
        }
        if variant:
            sha256 = hashlib.sha256(sidecar(number, release, variant)).hexdigest()
            found["core-metadata"] = found["data-dist-info-metadata"] = {"sha256": sha256}
        return found


@lru_cache(maxsize=4096)
def sidecar(number: int, release: int, variant: str) -> bytes:
    """A METADATA of 6.4 kB, like most."""
    chance = random.Random(f"{number}/{release}")
    lines = ["Metadata-Version: 2.4", f"Name: p{number:06}", f"Version: 1.{release}.0",
             "Summary: something", "Author-email: Somebody <somebody@example.test>",
             "License-Expression: MIT", "Requires-Python: >=3.9"]  # fmt: skip
    lines += [f"Classifier: Programming Language :: Python :: 3.{minor}" for minor in range(9, 15)]
    lines += [f"Requires-Dist: {word}>={chance.randint(1, 9)}.{chance.randint(0, 20)}"
              for word in WORDS[: chance.randint(0, len(WORDS))]]  # fmt: skip
    lines += ["Provides-Extra: test", 'Requires-Dist: pytest>=7; extra == "test"']
    if variant.startswith("cp"):
        lines.append(f'Requires-Dist: colorama; python_version >= "3.{variant[3:]}"')
    text = "\n".join([*lines, "", "About this project. " * 280, ""])
    return (text.replace("\n", "\r\n") if variant != "a" else text).encode()


class Server(asyncio.Protocol):
    """Just enough HTTP/1.1."""

    made: Made
    counts: dict[str, int]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # That of uvloop does not say that it is an `asyncio.Transport`.
        self.transport = cast(asyncio.Transport, transport)
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            path = self.buffer[: self.buffer.find(b" ", 4)][4:].decode()
            self.buffer = self.buffer[end + 4 :]
            self.answer(path)

    def answer(self, path: str) -> None:
        kind, body, encoding = "application/octet-stream", b"", ""
        if path == "/simple/":
            kind, body = "application/vnd.pypi.simple.v1+json", self.made.listed()
        elif path == "/counts":
            body = json.dumps({**self.counts, "wheels": self.made.wheels}).encode()
        elif page := re.fullmatch(r"/simple/p(\d+)/", path):
            kind, body = "application/vnd.pypi.simple.v1+json", self.made.page(int(page[1]))
            encoding = "Content-Encoding: gzip\r\n"
            self.counts["pages"] += 1
        elif file := re.fullmatch(r"/packages/(\d+)/(\d+)/(\w+)/.*\.metadata", path):
            body = sidecar(int(file[1]), int(file[2]), file[3])
            self.counts["sidecars"] += 1
        head = (f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{encoding}ETag: \"{len(body)}\"\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")  # fmt: skip
        self.transport.write(head.encode() + body)


async def serve(projects: int, seed: int) -> None:
    Server.made, Server.counts = Made(projects, seed), {"pages": 0, "sidecars": 0}
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    Server.made.origin = f"http://127.0.0.1:{port}"
    print(port, flush=True)
    await server.serve_forever()


# --- the crawl ------------------------------------------------------------------------------------


def step(arguments: list[str]) -> int:
    """`trueup survey crawl` in this process, whose resources are then its own; prints them."""
    import resource

    from trueup.interfaces.cli.main import main

    started = time.perf_counter()
    code = main(["survey", "crawl", *arguments])
    wall = time.perf_counter() - started
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    found = {
        "wall": wall,
        "cpu": own.ru_utime + own.ru_stime,
        "user": own.ru_utime,
        "parts": others.ru_utime + others.ru_stime,
        "peak": own.ru_maxrss // 1024,
        "parts_peak": others.ru_maxrss // 1024,
    }
    print(json.dumps(found))
    return code


def memory(pid: int) -> int:
    """MiB that a process has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024**2


def measured(*arguments: str) -> dict[str, Any]:
    """Run a crawl beside; its resources, and its memory in tenths of its time."""
    command = [sys.executable, "-m", "tests.bench.bench_survey_crawl", "--step", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    sizes = []
    while process.poll() is None:
        sizes.append(memory(process.pid))
        time.sleep(0.1)
    assert process.stdout is not None
    said = process.stdout.read().splitlines()
    if process.returncode:
        raise SystemExit("\n".join(said))
    print("\n".join(said[:-1]))
    tenths = [sizes[len(sizes) * part // 10] for part in range(10)] + sizes[-2:-1]
    return {**json.loads(said[-1]), "tenths": tenths}


def bench(projects: int, seed: int, url: str, folder: str) -> None:
    common = [folder, "--index", url, "--rate", "1000000"]
    for title in ("everything", "again"):
        found = measured(*common)
        cpu, rate = found["cpu"] / projects, projects / found["cpu"]
        with urlopen(url.replace("/simple/", "/counts")) as answer:
            counts = json.loads(answer.read())
        asked = counts["pages"] + counts["sidecars"]
        print(f"\n{title}: {found['wall']:.1f} s; {cpu * 1e6:,.0f} µs of processor a project "
              f"({found['user'] / found['cpu']:.0%} not in the system), "
              f"{rate:,.0f} projects/s/core; with the parts of the dataset "
              f"{projects / (found['cpu'] + found['parts']):,.0f}")  # fmt: skip
        print(f"  memory, MiB: {found['tenths']}, peak {found['peak']}; "
              f"the process that writes parts {found['parts_peak']}")  # fmt: skip
        print(f"  {counts['pages']:,} pages and {counts['sidecars']:,} sidecars for "
              f"{counts['wheels']:,} wheels: {counts['wheels'] / asked:.1f} times fewer requests")  # fmt: skip


def main() -> int:
    if sys.argv[1:2] == ["--step"]:
        return step(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    if options.serve:
        import uvloop

        uvloop.run(serve(options.projects, options.seed))
        return 0
    command = [sys.executable, "-m", "tests.bench.bench_survey_crawl", str(options.projects)]
    command += ["--seed", str(options.seed), "--serve"]
    with (
        TemporaryDirectory(prefix="trueup-bench-") as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/simple/"
            print(f"load {os.getloadavg()[0]:.1f} before")
            bench(options.projects, options.seed, url, f"{folder}/dataset")
        finally:
            server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
