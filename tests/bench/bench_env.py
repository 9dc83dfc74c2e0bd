"""What it costs to look at an environment of 400 distributions and 60,000 files.

`python -m tests.bench.bench_env` makes it, and asks in turns: `trueup env`, `pip check`,
`uv pip check`; then `trueup env --deep` and a sha256 of the same bytes by `hashlib` alone. Printed are
medians of wall seconds of whole processes, and ratios of each round.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from uv import find_uv_bin

from trueup.model.record import hash_of


def make(folder: Path, distributions: int, files: int, size: int) -> Path:
    """An environment whose distributions ask for each other, with so many files in all."""
    subprocess.run(
        [find_uv_bin(), "venv", "--quiet", "--offline", "--python", sys.executable, folder],
        check=True,
    )
    (site,) = folder.glob("lib/python3*/site-packages")
    chance = random.Random(1)
    for number in range(distributions):
        name = f"package_{number}"
        info = site / f"{name}-1.{number}.dist-info"
        info.mkdir()
        (site / name).mkdir()
        requires = [f"package-{chance.randrange(distributions)}>=1" for _ in range(4)]
        metadata = "".join(
            [
                "Metadata-Version: 2.4\n",
                f"Name: {name}\nVersion: 1.{number}\n",
                "Requires-Python: >=3.9\n",
                *(f"Requires-Dist: {one}\n" for one in requires),
                "\n",
                "Words about it. " * 300,
            ]
        ).encode()
        wheel = b"Wheel-Version: 1.0\nTag: py3-none-any\n"
        rows = []
        for part in range(files // distributions - 4):
            data = chance.randbytes(chance.randrange(size // 2, size * 3 // 2))
            path = f"{name}/module_{part}.py"
            (site / path).write_bytes(data)
            rows.append(f"{path},{hash_of(data)},{len(data)}")
        for title, data in (("METADATA", metadata), ("WHEEL", wheel), ("INSTALLER", b"pip\n")):
            (info / title).write_bytes(data)
            rows.append(f"{info.name}/{title},{hash_of(data)},{len(data)}")
        rows.append(f"{info.name}/RECORD,,")
        (info / "RECORD").write_text("\n".join(rows) + "\n")
    return folder


def timed(*command: object) -> float:
    started = time.perf_counter()
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return time.perf_counter() - started


def hashed(folder: Path) -> float:
    """Seconds that `hashlib` needs for the bytes of all files, from the same warm cache."""
    paths = [path for path in folder.glob("lib/python3*/site-packages/**/*") if path.is_file()]
    started = time.perf_counter()
    for path in paths:
        with path.open("rb", buffering=0) as file:
            hashlib.file_digest(file, "sha256")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--distributions", type=int, default=400)
    parser.add_argument("--files", type=int, default=60_000)
    parser.add_argument("--size", type=int, default=12_000, help="mean bytes of a file")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="trueup-bench-") as name:
        folder = make(Path(name) / "env", options.distributions, options.files, options.size)
        trueup = [sys.executable, "-m", "tests.bench.bench_env", "--run"]
        ways = {
            "trueup env": [*trueup, "--python", folder],
            "pip check": [sys.executable, "-m", "pip", "--python", folder, "check"],
            "uv pip check": [find_uv_bin(), "pip", "check", "--offline", "--python", folder],
            "trueup env --deep": [*trueup, "--python", folder, "--deep"],
        }
        found: dict[str, list[float]] = {way: [] for way in (*ways, "hashlib")}
        print(f"load {os.getloadavg()[0]:.1f} before")
        for _ in range(options.rounds + 1):
            for way, command in ways.items():
                found[way].append(timed(*command))
            found["hashlib"].append(hashed(folder))
        for way, seconds in found.items():
            kept = seconds[1:]
            print(f"{way:18} {statistics.median(kept):6.2f} s   {min(kept):.2f} to {max(kept):.2f}")
        for top, bottom in (("trueup env", "pip check"), ("trueup env --deep", "hashlib")):
            ratios = [a / b for a, b in zip(found[top][1:], found[bottom][1:], strict=True)]
            print(f"{top} / {bottom}: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        from trueup.interfaces.cli.main import main as trueup_main

        sys.exit(trueup_main(["env", *sys.argv[2:]]))
    main()
