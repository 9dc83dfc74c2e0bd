"""What `trueup split` saves, and what it and `trueup libs` cost: `just bench-split`.

    .venv/bin/python -m tests.bench.bench_split [--only sizes|speed|memory|libs …] [--rounds 3]

The wheels come by name from the configured index, so that it is no test; `TRUEUP_WHEELS=FOLDER`
keeps them. What is compared takes turns, each a process of its own, so that whatever else the
machine does hits all; the best run of each counts. The tables are printed as they go into
`docs/reference/performance.md`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

import lief

from tests.build import make_wheel
from tests.compiler import extension_module, shared_library
from tests.natives import LINUX
from tests.published import Published, published

__all__ = ["main"]

MEBIBYTE = 1024 * 1024
MINORS = (11, 12, 13, 14, 15)
PROJECTS = (
    "gmpy2", "h5py", "numpy", "pillow", "psycopg2-binary", "pyproj", "rasterio", "scikit-learn",
    "scipy", "shapely",
)  # fmt: skip
ENVIRONMENT = (
    "numpy", "scipy", "gmpy2", "python-flint", "h5py", "netCDF4", "rasterio", "shapely", "pyproj",
    "pillow", "opencv-python-headless", "av", "psycopg2-binary", "psycopg-binary", "scikit-learn",
    "pyarrow", "lxml", "matplotlib", "cryptography", "fiona", "pyzmq", "pandas",
    "scipy-openblas64", "scipy-openblas32",
)  # fmt: skip
"""What the research looked at: 600 ELF files, 1 GB."""

# Not `ru_maxrss`: that one remembers the process from which this one was started.
NOTE_PEAK = """
import os
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
open(os.environ["BENCH_PEAK"], "w").write(peak.split()[1])
"""
RUN = f"""
import sys
from trueup.interfaces.cli.main import main
code = main()
{NOTE_PEAK}
sys.exit(code)
"""
TRUEUP = [sys.executable, "-c", RUN]
Making: TypeAlias = Callable[[], Sequence[str | Path]]
PARTS = ("sizes", "speed", "memory", "libs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took: seconds by the clock and of all its threads, the peak in MiB."""

    clock: float
    cpu: float
    peak: float


def cost(command: Sequence[str | Path]) -> Cost:
    """Run a command to its end; raises CalledProcessError."""
    with tempfile.NamedTemporaryFile("r") as peak:
        started = perf_counter()
        child = subprocess.Popen(
            [*map(str, command)],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "BENCH_PEAK": peak.name},
        )
        _, status, used = os.wait4(child.pid, 0)
        clock = perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        # 1: `libs` has findings.
        if child.returncode not in (0, 1):
            raise subprocess.CalledProcessError(child.returncode, command)
        kib = int(peak.read())
    return Cost(clock=clock, cpu=used.ru_utime + used.ru_stime, peak=kib / 1024)


def best(costs: Sequence[Cost]) -> Cost:
    """The least of each; what other work on the machine adds is not of interest."""
    return Cost(
        clock=min(one.clock for one in costs),
        cpu=min(one.cpu for one in costs),
        peak=max(one.peak for one in costs),
    )


# --- yardsticks, in a process of their own ----------------------------------------------------------


def copy_and_hash(inputs: Path, outputs: Path) -> None:
    """The least that a split can do: inflate and hash what is there, deflate what changes, copy.

    ``outputs`` are the wheels of a split that was made before; they are written and hashed again.
    """
    known: set[tuple[int, int]] = set()
    for wheel in sorted(inputs.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                digest = hashlib.sha256()
                with archive.open(info) as member:
                    while chunk := member.read(MEBIBYTE):
                        digest.update(chunk)
                known.add((info.CRC, info.file_size))
    with tempfile.TemporaryDirectory() as folder:
        for wheel in sorted(outputs.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                for info in archive.infolist():
                    if (info.CRC, info.file_size) not in known:
                        zlib.compress(archive.read(info), 6)
            copy = shutil.copyfile(wheel, Path(folder, wheel.name))
            with copy.open("rb") as file:
                os.fsync(file.fileno())
                hashlib.file_digest(file, "sha256").hexdigest()


def parse_and_hash(inputs: Path) -> None:
    """The least that a look at native code can do: inflate, hash, let LIEF parse, take names."""
    for _, data in elf_files(inputs):
        hashlib.sha256(data).hexdigest()
        binary = lief.ELF.parse(data)
        assert binary is not None
        [symbol.name for symbol in binary.dynamic_symbols]


def elf_files(inputs: Path) -> Iterator[tuple[str, bytes]]:
    """The ELF files in wheels."""
    for wheel in sorted(inputs.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                with archive.open(info) as member:
                    if member.read(4) != b"\x7fELF":
                        continue
                yield info.filename, archive.read(info)


YARDSTICKS: Mapping[str, Callable[..., None]] = {"split": copy_and_hash, "libs": parse_and_hash}


def yardstick(name: str, *folders: Path) -> list[str | Path]:
    """The command that runs one of them."""
    return [sys.executable, "-m", "tests.bench.bench_split", "--yardstick", name, *folders]


# --- what is measured -------------------------------------------------------------------------------


def release(index: Published, project: str, folder: Path) -> Path:
    """A folder with the wheels of the newest release for the newest Python, and for all others."""
    inputs = folder / project
    inputs.mkdir(parents=True, exist_ok=True)
    for wheel in index.wheels(project, MINORS):
        shutil.copy(wheel, inputs)
    return inputs


def size_of(folder: Path) -> int:
    """Bytes of all wheels in a folder."""
    return sum(path.stat().st_size for path in folder.glob("*.whl"))


def split(inputs: Path, outputs: Path) -> list[str | Path]:
    """The command, and an empty folder for its results."""
    shutil.rmtree(outputs, ignore_errors=True)
    return [*TRUEUP, "split", inputs, "-o", outputs, "--quiet"]


def sizes(releases: Mapping[str, Path]) -> None:
    """What is stored before and after."""
    print("\n| project | wheels | before, MB | after, MB | less |\n|---|---|---|---|---|")
    before = after = files = 0
    for project, inputs in releases.items():
        outputs = inputs.parent / f"{project}-split"
        cost(split(inputs, outputs))
        wheels = sorted(inputs.glob("*.whl"))
        one, two = size_of(inputs), size_of(outputs)
        title = f"{project} {wheels[0].name.split('-')[1]}"
        print(
            f"| {title} | {len(wheels)} | {one / 1e6:.1f} | {two / 1e6:.1f} | {1 - two / one:.0%} |"
        )
        before, after, files = before + one, after + two, files + len(wheels)
    less = 1 - after / before
    print(
        f"| **all** | {files} | **{before / 1e6:.1f}** | **{after / 1e6:.1f}** | **{less:.0%}** |"
    )


def speed(releases: Mapping[str, Path], rounds: int) -> None:
    """`split` beside copying and hashing, release by release."""
    print("\n| project | MB | copy and hash, s | split, s | ratio | ratio of CPU | ms per MB |")
    print("|---|---|---|---|---|---|---|")
    sums = [0.0] * 5
    for project, inputs in releases.items():
        outputs = inputs.parent / f"{project}-split"
        cost(split(inputs, outputs))
        again = inputs.parent / f"{project}-again"
        copied, done = alternating(
            partial(yardstick, "split", inputs, outputs),
            partial(split, inputs, again),
            rounds,
        )
        row = [size_of(inputs) / 1e6, copied.clock, done.clock, copied.cpu, done.cpu]
        sums = [total + one for total, one in zip(sums, row, strict=True)]
        print(speed_row(project, *row))
    print(speed_row("**all**", *sums))


def speed_row(
    what: str, size: float, copied: float, done: float, copied_cpu: float, done_cpu: float
) -> str:
    """One row of the table."""
    return (
        f"| {what} | {size:.1f} | {copied:.2f} | {done:.2f} | {done / copied:.2f} "
        f"| {done_cpu / copied_cpu:.2f} | {1000 * done / size:.1f} |"
    )


def alternating(first: Making, second: Making, rounds: int) -> tuple[Cost, Cost]:
    """The best of two ways that take turns; each makes its command anew."""
    ways = (first, second)
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            costs[which].append(cost(ways[which]()))
    return best(costs[0]), best(costs[1])


def large_wheel(folder: Path, libraries: int, each: int) -> Path:
    """A wheel with libraries of ``each`` MiB that do not compress, and 2,000 small files."""
    noise = random.Random(0)
    build = folder / "build"
    build.mkdir(parents=True)
    members = {f"demo/module{n}.py": b"x = 1\n" * n for n in range(2000)}
    made = []
    for number in range(libraries):
        blob = build / "blob"
        with blob.open("wb") as file:
            for _ in range(each):
                file.write(noise.randbytes(MEBIBYTE))
        name = f"liblarge{number}-0123abcd.so"
        source = (
            f'__asm__(".section .rodata\\n.incbin \\"{blob}\\"\\n.text");'
            f"long large{number}(void) {{ return {number}; }}"
        )
        made.append(shared_library(build, name, source, soname=name))
        members[f"demo.libs/{name}"] = made[-1].read_bytes()
    body = "extern long large0(void); long compute(void) { return large0(); }"
    module = extension_module(
        build, "fast", body, needs=made, search="$ORIGIN/../demo.libs"
    ).read_bytes()
    inputs = folder / "inputs"
    members["demo/fast.abi3.so"] = module
    inputs.mkdir()
    make_wheel(inputs, "demo", "1.0", tags=f"cp311-cp311-{LINUX}", files=members)
    shutil.rmtree(build)
    return inputs


def memory(folder: Path) -> None:
    """The peak for a wheel of 500 MB, in members of several sizes."""
    print("\n| wheel of 500 MB | split, peak | libs, peak | split, s |\n|---|---|---|---|")
    for libraries, each in ((31, 16), (8, 62), (4, 124), (1, 496)):
        base = folder / f"large-{libraries}"
        inputs = large_wheel(base, libraries, each)
        done = cost(split(inputs, base / "out"))
        looked = cost([*TRUEUP, "libs", inputs, "--quiet", "--output", base / "libs.txt"])
        print(
            f"| {libraries} × {each} MiB | {done.peak:.0f} MiB | {looked.peak:.0f} MiB "
            f"| {done.clock:.1f} |"
        )
        shutil.rmtree(base)


def native_map(index: Published, folder: Path, rounds: int) -> None:
    """`libs` beside parsing and hashing, over an environment's worth of wheels."""
    inputs = folder / "environment"
    inputs.mkdir()
    for project in ENVIRONMENT:
        for wheel in index.wheels(project, (12,)):
            shutil.copy(wheel, inputs)
    counted = [len(data) for _, data in elf_files(inputs)]
    parsed, done = alternating(
        partial(yardstick, "libs", inputs),
        lambda: [*TRUEUP, "libs", inputs, "--quiet", "--output", folder / "libs.txt"],
        rounds,
    )
    print(f"\n{len(counted)} ELF files, {sum(counted) / 1e6:.0f} MB, {len(ENVIRONMENT)} wheels\n")
    print("| work | time, s | ratio | CPU, s | ratio | peak |\n|---|---|---|---|---|---|")
    for what, one in (("inflate, hash, parse, names", parsed), ("trueup libs", done)):
        print(
            f"| {what} | {one.clock:.2f} | {one.clock / parsed.clock:.2f} | {one.cpu:.2f} "
            f"| {one.cpu / parsed.cpu:.2f} | {one.peak:.0f} MiB |"
        )


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], choices=PARTS)
    parser.add_argument("--yardstick", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.yardstick:
        name, *folders = chosen.yardstick
        YARDSTICKS[name](*map(Path, folders))
        exec(NOTE_PEAK)
        return
    parts = chosen.only or PARTS
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, LIEF {version('lief')}")
    with tempfile.TemporaryDirectory() as base, published(Path(base, "published")) as index:
        folder = Path(base)
        if "memory" in parts:
            memory(folder)
        if {"sizes", "speed"} & set(parts):
            releases = {project: release(index, project, folder) for project in PROJECTS}
            if "sizes" in parts:
                sizes(releases)
            if "speed" in parts:
                speed(releases, chosen.rounds)
        if "libs" in parts:
            native_map(index, folder, chosen.rounds)
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
