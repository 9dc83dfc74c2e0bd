"""What `check` costs. Printed, never asserted in seconds: machines differ, ratios last.

Run with ``just bench``; the figures in ``docs/reference/performance.md`` come from here.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests import corpus
from tests.build import make_wheel
from tests.index_server import IndexServer, Sidecar
from trueup.judge.reconcile import classify
from trueup.judge.release import judge_release
from trueup.model import marker, requirement
from trueup.model.artifact import parse_filename
from trueup.model.metadata import Metadata
from trueup.model.release import Release
from trueup.sources.cache import SqliteCache
from trueup.sources.folder import FolderSource
from trueup.sources.http import Client
from trueup.sources.index import IndexSource
from trueup.sources.release import gather

pytestmark = pytest.mark.bench

ROUNDS = 7


def timed(work: Callable[[], object]) -> float:
    """The median of some runs, in seconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def forget() -> None:
    """Empty every cache between runs, so that each pays in full."""
    from trueup.judge import effective
    from trueup.model import host, interpreter

    for cached in (
        requirement.parse_requirement,
        requirement.parse_specifiers,
        requirement.version_range,
        marker._interned_marker,
        marker._holds,
        marker._packaging_marker,
        parse_filename,
        effective._dependency,
        host._libc_tags,
        host._mac_tags,
        interpreter._accepted,
    ):
        cached.cache_clear()


def test_classifying_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    documents = [corpus.recorded(name) for name in corpus.NAMES]
    texts = {text for document in documents for text in document["metadata"].values()}
    lines = {
        line.removeprefix("Requires-Dist:").strip()
        for text in texts
        for line in text.splitlines()
        if line.startswith("Requires-Dist:")
    }

    def parse() -> list[Release]:
        forget()
        return [corpus.release_of(document) for document in documents]

    def everything() -> None:
        for release in parse():
            classify(release)

    releases = parse()
    differing = [
        release for release in releases if any(item.differences for item in classify(release))
    ]
    same = [release for release in releases if release not in differing]

    def requirements() -> None:
        for line in lines:
            Requirement(line)

    figures = {
        "packaging parses the distinct requirements (unit)": timed(requirements),
        "read and classify 124 releases, cold": timed(everything),
        "of it: reading metadata and file names": timed(parse),
        f"classify the {len(same)} that do not differ, warm": timed(
            lambda: [classify(release) for release in same]
        ),
        f"classify the {len(differing)} that differ, warm": timed(
            lambda: [classify(release) for release in differing]
        ),
        "judge all 124 by all rules, warm": timed(
            lambda: [judge_release(release) for release in releases]
        ),
    }
    show(capsys, "124 recorded releases from parsed JSON, one core", figures)
    each = figures[f"classify the {len(same)} that do not differ, warm"] / len(same)
    with capsys.disabled():
        print(f"  a release that does not differ takes {each * 1e6:.0f} µs")


def test_a_folder_with_the_wheels_of_lxml(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """175 wheels with the names of a real release and some hundred members each."""
    files = {f"lxml/member_{number}.py": b"x = 1\n" * 200 for number in range(150)}
    names = [file.filename for file in corpus.release("lxml-5.0.1").wheels]
    for number, name in enumerate((names * 3)[:175]):
        _, _, python, abi, platform = name.removesuffix(".whl").split("-")
        build = str(number // len(names)) if number >= len(names) else None
        make_wheel(
            tmp_path, "lxml", "5.0.1", tags=f"{python}-{abi}-{platform}", build=build, files=files,
            # The Windows wheels ask for more, so that the class takes the whole way.
            requires=["cssselect>=0.7; extra == 'cssselect'"] + ["pywin32"] * ("win" in platform),
            extras=["cssselect", "html5"], requires_python=">=3.6",
        )  # fmt: skip
    source = FolderSource(tmp_path)
    project = source.projects()[0]

    def read() -> Release:
        return gather(source, project, None)

    release = read()
    figures = {
        "read 175 wheels": timed(read),
        "the class": timed(lambda: classify(release)),
        "everything the report shows": timed(lambda: judge_release(release)),
    }
    show(capsys, "a folder with 175 wheels", figures)
    share = figures["the class"] / (figures["the class"] + figures["read 175 wheels"])
    with capsys.disabled():
        print(f"  the model takes {share:.1%} of reading and classifying")


def test_start_up(capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    figures = {
        "python -c pass (unit)": timed(run("-c", "pass")),
        "python -c 'import click'": timed(run("-c", "import click")),
        "trueup --help": timed(run("-m", "trueup.interfaces.cli.main", "--help")),
        "import trueup": timed(run("-c", "import trueup")),
    }
    show(capsys, "start-up, whole processes", figures)


def show(capsys: pytest.CaptureFixture[str], name: str, figures: dict[str, float]) -> None:
    unit = next(iter(figures.values()))
    with capsys.disabled():
        print(f"\n{name} (median of {ROUNDS}, {json.dumps(sys.version.split()[0])})")
        for what, seconds in figures.items():
            print(f"  {what:58} {seconds * 1000:9.1f} ms {seconds / unit:7.2f}")


@pytest.mark.parametrize("name", ["nmslib-2.1.1", "lxml-5.0.1", "ray-2.3.0", "scikit-learn-1.7.0"])
def test_requests(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    """How many requests a release costs, with the recorded metadata and sizes that vary."""
    document = corpus.recorded(name)
    project, version = document["project"], Version(document["version"])
    wheels = [item for item in document["files"] if item["filename"].endswith(".whl")]
    with IndexServer() as server:
        for sidecar in (Sidecar.NONE, Sidecar.ADVERTISED):
            for number, item in enumerate(wheels):
                text = document["metadata"][item["metadata"]].encode()
                path = make_wheel(
                    tmp_path, project, str(version), filename=item["filename"], metadata_bytes=text,
                    files={"data.bin": random.Random(number).randbytes(150_000 + 20_000 * number)},
                )  # fmt: skip
                server.add(item["filename"], path.read_bytes(), sidecar=sidecar, metadata=text)
            for run in ("cold", "again"):
                server.forget()
                cache = SqliteCache(tmp_path / sidecar.name)
                with IndexSource([server.url], Client(), cache) as source:
                    release = gather(source, project, version)
                conditional = sum("if-none-match" in request.headers for request in server.log)
                with capsys.disabled():
                    print(
                        f"\n  {name:20} {len(wheels):3} wheels, {_texts(release):2} texts, sidecars "
                        f"{sidecar.value}, {run}: {server.count()} requests, {conditional} "
                        f"conditional, {server.count() / len(wheels):.2f} a wheel",
                        end="",
                    )


def _texts(release: Release) -> int:
    found = (file.reading.metadata for file in release.wheels)
    return len({item.digest for item in found if isinstance(item, Metadata)})
