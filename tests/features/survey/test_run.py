"""The same answers from one process, a pool, shares, a cluster that loses a worker, and from S3."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import corpus
from tests.bulk.generate import generate
from tests.rows import recorded_rows
from tests.stores import object_server
from tests.surveyed import audited, dataset_of, results
from trueup.features.survey.load import load
from trueup.features.survey.run import Shard, run_audit, start_dataset
from trueup.model.errors import SourceError, UsageError
from trueup.sources.dataset import FolderDataset, ObjectDataset
from trueup.sources.executor import Here, open_executor

TABLES = ("releases", "findings", "variants", "projects")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of some thousand releases, not yet judged."""
    folder = tmp_path_factory.mktemp("given")
    generate(folder, rows=20_000, seed=3)
    dataset = FolderDataset(folder / "dataset")
    buckets = start_dataset(dataset, 8).buckets
    load(dataset, sorted((folder / "export").iterdir()), Here(), origin="a", buckets=buckets)
    return dataset_of(
        folder / "dataset",
        (row for name in corpus.NAMES for row in recorded_rows(name)),
        origin="b",
        buckets=8,
    )


@pytest.fixture(scope="module")
def expected(given: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return digests(judged_here(given, tmp_path_factory.mktemp("here") / "dataset"))


def copied(given: Path, folder: Path) -> Path:
    shutil.copytree(given, folder)
    return folder


def judged_here(given: Path, folder: Path) -> Path:
    audited(copied(given, folder))
    return folder


def digests(folder: Path) -> dict[str, str]:
    """The bytes of every table of every bucket."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("results/*/*.parquet"))
    }


def test_a_pool_writes_the_very_bytes(
    given: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    dataset = FolderDataset(copied(given, tmp_path / "dataset"))
    with open_executor(2) as executor:
        summaries = list(run_audit(dataset, executor))
    assert len(summaries) == 8
    assert digests(dataset.folder) == expected


@pytest.mark.parametrize("of", [2, 3, 20])
def test_shares_are_everything_and_nothing_twice(
    given: Path, expected: dict[str, str], tmp_path: Path, of: int
) -> None:
    dataset = FolderDataset(copied(given, tmp_path / "dataset"))
    done = [
        one.bucket
        for number in range(1, of + 1)
        for one in run_audit(dataset, Here(), shard=Shard(number=number, of=of))
    ]
    assert sorted(done) == list(range(8))
    assert digests(dataset.folder) == expected


class Cluster:
    """A Dask scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = ""
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cluster:
        said = self._folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1",
                    "--scheduler-file", str(said))  # fmt: skip
        deadline = time.monotonic() + 60
        while not said.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        for _ in range(2):
            self._start("worker", "--scheduler-file", str(said), "--nthreads", "1", "--no-nanny",
                        "--no-dashboard", "--local-directory", str(self._folder))  # fmt: skip
        self.address = json.loads(said.read_text())["address"]
        return self

    def _start(self, what: str, *arguments: str) -> None:
        module = f"distributed.cli.dask_{what}"
        with (self._folder / f"{what}.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", module, *arguments],
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "False"},
                )
            )

    def kill_a_worker(self) -> None:
        self.processes[1].send_signal(signal.SIGKILL)

    def __exit__(self, *exc: object) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait(timeout=30)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket."""
    with object_server() as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{server.bucket()}"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as found:
        yield found


def test_a_cluster_that_loses_a_worker_writes_the_very_bytes(
    given: Path, expected: dict[str, str], tmp_path: Path, cluster: Cluster
) -> None:
    dataset = FolderDataset(copied(given, tmp_path / "dataset"))
    with open_executor(scheduler=cluster.address) as executor:
        summaries = run_audit(dataset, executor)
        first = next(summaries)
        cluster.kill_a_worker()
        done = sorted([first.bucket, *(one.bucket for one in summaries)])
    assert done == list(range(8))
    assert digests(dataset.folder) == expected


def test_a_scheduler_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(SourceError, match=r"127\.0\.0\.1:9"),
        open_executor(scheduler="tcp://127.0.0.1:9", patience=0.5),
    ):
        pass


def test_results_that_were_interrupted_do_not_count(
    given: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    """A unit is killed after some of its tables were put: the next run does it again."""
    dataset = FolderDataset(copied(given, tmp_path / "dataset"))
    list(run_audit(dataset, Here(), shard=Shard(number=1, of=2)))
    (dataset.folder / "results/0000/summary.json").unlink()
    (dataset.folder / "results/0000/releases.parquet").write_bytes(b"half")
    again = list(run_audit(dataset, Here()))
    assert sorted(one.bucket for one in again if one.fresh) == [0, 1, 3, 5, 7]
    assert digests(dataset.folder) == expected


def test_a_dataset_keeps_its_number_of_buckets(tmp_path: Path) -> None:
    dataset = FolderDataset(tmp_path)
    start_dataset(dataset, 8)
    with pytest.raises(UsageError, match="has 8 buckets"):
        start_dataset(dataset, 16)


def test_what_is_no_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"expected `survey\.json` in it"):
        list(run_audit(FolderDataset(tmp_path), Here()))


def test_a_dataset_in_an_object_store(
    given: Path, tmp_path: Path, s3: str, expected: dict[str, str]
) -> None:
    dataset = ObjectDataset(f"{s3}/survey")
    for path in given.rglob("*"):
        if path.is_file():
            copy = tmp_path / "part"
            copy.write_bytes(path.read_bytes())
            dataset.put(path.relative_to(given).as_posix(), copy)
    assert len(list(run_audit(dataset, Here()))) == 8
    for part in dataset.parts("results/"):
        with dataset.fetched(part.key) as path:
            target = tmp_path / "back" / part.key
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    assert digests(tmp_path / "back") == expected
    assert results(tmp_path / "back", "projects", "count(*)")
    assert not any(one.fresh for one in run_audit(dataset, Here()))
