"""What a survey of a whole index costs: taking an export in, the passes of DuckDB, the model.

`python -m tests.bench.bench_survey [ROWS …]` writes a made-up table of each size (see
`tests/bulk/generate.py`), takes it in, judges it with as many processes as there are processors, and
checks every answer. Printed are wall and processor seconds, the largest process, and how the
processor seconds grow with the rows. With `--engines`, one table is judged in turn by one process, a
pool, and a Dask cluster with as many workers, which are there before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.bulk.generate import generate


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Seconds and MiB of one command with all its processes; the memory is of the largest one."""

    wall: float
    cpu: float
    memory: int


def measured(*arguments: str) -> Step:
    """Run `trueup survey …`; raises if it fails."""
    command = [sys.executable, "-m", "tests.bench.bench_survey", "--step", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    return Step(wall=found["wall"], cpu=found["cpu"], memory=found["memory"])


def step(arguments: Sequence[str]) -> int:
    """The same in this process, whose resources are then its own; prints them."""
    import resource

    from trueup.interfaces.cli.main import main

    started = time.perf_counter()
    code = main(["survey", *arguments])
    wall = time.perf_counter() - started
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    cpu = sum(one.ru_utime + one.ru_stime for one in (own, others))
    memory = max(own.ru_maxrss, others.ru_maxrss) // 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": memory}))
    return code


def wrong(made: Path, dataset: Path) -> int:
    """How many releases have another answer than the right one."""
    row = duckdb.execute(f"""
        SELECT count(*) FROM '{made}/truth.parquet' AS truth
        FULL JOIN read_parquet('{dataset}/results/*/releases.parquet') AS said
        USING (project, version)
        WHERE (truth.class, truth.as_written, truth.files)
            IS DISTINCT FROM (said.class, said.as_written, said.files)
    """).fetchone()
    assert row is not None
    return int(row[0])


def bench(rows: int, folder: Path, workers: int, memory: str | None) -> float:
    """Measure one size; returns the processor seconds."""
    made, dataset = folder / "made", folder / "dataset"
    generate(made, rows=rows, seed=1, processes=workers)
    limits = ["--local-workers", str(workers), *(["--memory", memory] if memory else [])]
    load = measured("load", str(dataset), str(made / "export"), *limits)
    audit = measured("audit", str(dataset), *limits)
    again = measured("audit", str(dataset), *limits)
    summaries = [json.loads(path.read_bytes()) for path in dataset.glob("results/*/summary.json")]
    total = {
        name: sum(one[name] for one in summaries)
        for name in ("seconds_passes", "seconds_results", "seconds_model", "differing", "judged")
    }
    print(f"| {rows:,} | {load.wall:.1f} / {load.cpu:.1f} / {load.memory} "
          f"| {total['seconds_passes']:.1f} | {total['seconds_results']:.1f} "
          f"| {total['seconds_model']:.1f} | {audit.wall:.1f} / {audit.cpu:.1f} / {audit.memory} "
          f"| {total['differing']:,} / {total['judged']:,} | {again.wall:.1f} "
          f"| {wrong(made, dataset)} |", flush=True)  # fmt: skip
    shutil.rmtree(folder)
    return load.cpu + audit.cpu


def engines(rows: int, rounds: int = 3) -> None:
    """Compare where the buckets are judged; wall seconds, rounds in turn."""
    from distributed import LocalCluster

    workers = os.cpu_count() or 1
    with (
        TemporaryDirectory(prefix="trueup-bench-") as name,
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=workers, threads_per_worker=1, dashboard_address=None
        ) as cluster,
    ):
        made, dataset = Path(name) / "made", Path(name) / "dataset"
        generate(made, rows=rows, seed=1, processes=workers)
        measured("load", str(dataset), str(made / "export"), "--local-workers", str(workers))
        ways = {
            "one process": [],
            "pool": ["--local-workers", str(workers)],
            "Dask": ["--scheduler", cluster.scheduler_address],
        }
        print("| round |", *(f"{way} |" for way in ways), "Dask / pool |")
        print("|---|" + "---|" * (len(ways) + 1))
        for number in range(rounds):
            walls = {}
            for way, arguments in ways.items():
                shutil.rmtree(dataset / "results", ignore_errors=True)
                walls[way] = measured("audit", str(dataset), *arguments).wall
                assert wrong(made, dataset) == 0
            cells = [f"{wall:.1f} s" for wall in walls.values()]
            ratio = f"{walls['Dask'] / walls['pool']:.2f}"
            print("|", " | ".join([str(number + 1), *cells, ratio]), "|", flush=True)


def main() -> int:
    if sys.argv[1:2] == ["--step"]:
        return step(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[1_000_000, 17_000_000])
    parser.add_argument("--memory", help="a limit for the tables, such as 512MB")
    parser.add_argument("--engines", action="store_true", help="compare where buckets are judged")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.engines:
        engines(options.rows[0])
        return 0
    print(f"load {os.getloadavg()[0]:.1f} before; {options.workers} workers\n")
    print("| rows | load: wall / processor s / MiB | passes | results | model "
          "| audit: wall / processor s / MiB | differ / judged | audit again | wrong |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    spent = []
    for rows in options.rows:
        with TemporaryDirectory(prefix="trueup-bench-") as folder:
            spent.append(bench(rows, Path(folder) / "b", options.workers, options.memory))
    for (small, less), (large, more) in zip(
        list(zip(options.rows, spent, strict=True))[:-1],
        list(zip(options.rows, spent, strict=True))[1:],
        strict=True,
    ):
        exponent = math.log(more / less) / math.log(large / small)
        print(f"\nprocessor seconds grow with rows^{exponent:.2f} from {small:,} to {large:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
