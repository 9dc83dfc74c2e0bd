"""What the oracle of locks thinks this machine takes is what pip and uv take, from 200 entries.

One lock holds an entry per drawn list of files, so that each tool runs once.
"""

from __future__ import annotations

import json
import platform
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.tags import sys_tags

from tests.build import make_sdist, make_wheel
from tests.scenarios.machines import Machine, machines
from tests.scenarios.oracle import choose, read_lock
from tests.scenarios.written import Entry, write_lock

CHOICES = 200
MINOR = sys.version_info.minor
HERE = f"cp3{MINOR}-cp3{MINOR}"
TAGS = (
    "py3-none-any",
    "py2.py3-none-any",
    "py39-none-any",
    "py2-none-any",
    f"cp3{MINOR}-none-any",
    "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp310-abi3-manylinux_2_28_x86_64",
    "cp32-abi3-manylinux1_x86_64",
    f"{HERE}-manylinux_2_17_x86_64",
    f"{HERE}-manylinux_2_28_x86_64",
    f"{HERE}-manylinux_2_34_x86_64",
    f"{HERE}-manylinux_2_99_x86_64",
    f"{HERE}-manylinux2010_x86_64.manylinux_2_12_x86_64",
    f"{HERE}-manylinux_2_17_i686",
    f"{HERE}-linux_x86_64",
    f"{HERE}-musllinux_1_2_x86_64",
    f"{HERE}t-manylinux_2_17_x86_64",
    f"{HERE}-win_amd64",
    f"{HERE}-macosx_11_0_arm64",
    f"cp3{MINOR}-none-manylinux1_x86_64",
    f"cp3{MINOR + 1}-cp3{MINOR + 1}-manylinux_2_17_x86_64",
    f"cp3{MINOR - 1}-cp3{MINOR - 1}-manylinux_2_17_x86_64",
    f"cp3{MINOR + 1}-abi3-manylinux_2_17_x86_64",
    "py3-none-manylinux2014_x86_64",
    "py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64",
    "py3-none-linux_x86_64",
    f"pp3{MINOR}-pypy3{MINOR}_pp73-manylinux_2_17_x86_64",
    "py3-none-win32",
)


def drawn(number: int) -> list[tuple[str, str | None]]:
    """The tags and build tags of one entry."""
    chance = random.Random(number)
    tags = chance.choices(TAGS, k=chance.randint(2, 9))
    files = [(tag, chance.choice([None, None, "1", "2", "10"])) for tag in tags]
    if number % 4 == 0:
        files += [(tag, "3") for tag, _ in files]
    return list(dict.fromkeys(files))


@dataclass(frozen=True)
class Drawn:
    folder: Path
    lock: Path
    machine: Machine
    expected: dict[str, frozenset[str]]


@pytest.fixture(scope="module")
def drawn_lock(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """All entries from which this machine takes something, in one lock."""
    libc, level = platform.libc_ver()
    if libc != "glibc" or platform.machine() != "x86_64" or sys.implementation.name != "cpython":
        pytest.skip("the wheels here are for CPython on Linux x86_64 with glibc")
    folder = tmp_path_factory.mktemp("drawn")
    (machine, *_) = machines(f"cp3{MINOR}-linux-x86_64-glibc{'.'.join(level.split('.')[:2])}")
    entries: list[Entry] = []
    expected: dict[str, frozenset[str]] = {}
    number = 0
    while len(entries) < CHOICES:
        item = built(folder, number)
        number += 1
        (package,) = read_lock(write_lock(folder / "pylock.toml", folder, [item])).packages
        chosen = choose(package, machine)
        # What nobody takes would stop both tools, and they would say nothing of the others.
        if any(name.endswith(".whl") for name in chosen):
            entries.append(item)
            expected[item.name] = chosen
    lock = write_lock(folder / "pylock.toml", folder, entries)
    return Drawn(folder, lock, machine, expected)


def built(folder: Path, number: int) -> Entry:
    """One entry with its wheels, and sometimes an sdist that nobody should take."""
    name = f"p{number}"
    paths = [
        make_wheel(
            folder, name, "1.0", tags=tag, build=build,
            files={f"{name}/here": f"{build or 'none'} {tag}".encode()},
        )
        for tag, build in drawn(number)
    ]  # fmt: skip
    if number % 3 == 0:
        paths.append(make_sdist(folder, name, "1.0"))
    return Entry(name=name, version="1.0", files=tuple(path.name for path in paths))


def test_the_tags_of_this_machine_are_written_out_as_they_are(drawn_lock: Drawn) -> None:
    assert list(drawn_lock.machine.tags) == list(dict.fromkeys(sys_tags()))


def test_choices_differ(drawn_lock: Drawn) -> None:
    """The draw is no walk-over: many kinds of files are chosen, and some choices are ties."""
    chosen = [name.split("-", 2)[2] for names in drawn_lock.expected.values() for name in names]
    assert len(set(chosen)) > 20
    assert sum(len(names) > 1 for names in drawn_lock.expected.values()) > 5


def test_pip_takes_one_of_them(drawn_lock: Drawn) -> None:
    command = [
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install",
        "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--no-index", "--report", "-",
        "-r", str(drawn_lock.lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    taken = {
        str(item["metadata"]["name"]): str(item["download_info"]["url"]).rpartition("/")[2]
        for item in json.loads(done.stdout)["install"]
    }
    assert taken.keys() == drawn_lock.expected.keys()
    assert [
        (name, file, sorted(drawn_lock.expected[name]))
        for name, file in taken.items()
        if file not in drawn_lock.expected[name]
    ] == []


def test_uv_takes_one_of_them(drawn_lock: Drawn, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    target = tmp_path / "target"
    command = [
        uv, "pip", "install", "--no-config", "--offline", "--no-deps", "--no-build", "--no-cache",
        "--python", sys.executable, "--target", str(target), "-r", str(drawn_lock.lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wrong = []
    for name, expected in drawn_lock.expected.items():
        build, tag = (target / name / "here").read_text("utf-8").split()
        file = f"{name}-1.0-{tag}.whl" if build == "none" else f"{name}-1.0-{build}-{tag}.whl"
        if file not in expected:
            wrong.append((name, file, sorted(expected)))
    assert wrong == []


def test_what_the_oracle_finds_no_file_for_is_refused_by_pip(tmp_path: Path) -> None:
    file = make_wheel(tmp_path, "demo", "1.0", tags="cp27-cp27m-win_amd64").name
    lock = write_lock(
        tmp_path / "pylock.toml", tmp_path, [Entry(name="demo", version="1.0", files=(file,))]
    )
    (machine, *_) = machines(f"cp3{MINOR}-linux-x86_64-glibc2.17")
    (package,) = read_lock(lock).packages
    assert choose(package, machine) == frozenset()
    command = [
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install",
        "--quiet", "--dry-run", "--no-deps", "--no-index", "-r", str(lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert re.search("[Nn]o wheel found|[Nn]o matching", done.stderr), done.stderr
