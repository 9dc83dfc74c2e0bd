"""Writes a made-up distribution-metadata table of any size, and the right answers.

`python -m tests.bulk.generate FOLDER --rows 1000000 --seed 1` writes `export/bulk-00000.parquet` … in the
schema of the public table and `truth.parquet` with one row per release. Shapes follow what is known
of the public index: some 22 files a project, 2.2 a release, 41 % sdists, 3 % of releases with
several files that differ as written, most of them only in spelling. The same seed gives the same
files, however many processes write them.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["SCHEMA", "TRUTH", "generate"]

SCHEMA = pa.schema(
    [
        pa.field("metadata_version", pa.string()),
        pa.field("name", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("summary", pa.string()),
        pa.field("requires_python", pa.string()),
        pa.field("requires_dist", pa.list_(pa.string())),
        pa.field("uploaded_via", pa.string()),
        pa.field("upload_time", pa.timestamp("us")),
        pa.field("filename", pa.string(), nullable=False),
        pa.field("size", pa.int64()),
        pa.field("path", pa.string()),
        pa.field("python_version", pa.string()),
        pa.field("packagetype", pa.string(), nullable=False),
        pa.field("sha256_digest", pa.string(), nullable=False),
    ]
)
"""The columns that matter, and some that do not."""

TRUTH = pa.schema(
    [
        pa.field("project", pa.string()),
        pa.field("version", pa.string()),
        pa.field("label", pa.string()),
        pa.field("class", pa.string()),
        pa.field("as_written", pa.string()),
        pa.field("files", pa.int64()),
    ]
)

_LINUX = "manylinux_2_17_x86_64"
_NEW_LINUX = "manylinux_2_28_x86_64"
_PLATFORMS = (_LINUX, "win_amd64", "macosx_11_0_arm64", "manylinux_2_17_aarch64")
_PYTHONS = ("cp39", "cp310", "cp311", "cp312", "cp313")
_CHUNK = 50_000
_WORDS = ("core", "py", "lib", "data", "net", "async", "kit", "flow", "ml", "io", "web", "tool")


@dataclass(slots=True)
class _Part:
    """Rows and answers that wait to be written."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    truth: list[tuple[object, ...]] = field(default_factory=list)


def generate(folder: Path, *, rows: int, seed: int, processes: int = 1) -> None:
    """Write at least ``rows`` rows and their answers into a folder."""
    (folder / "export").mkdir(parents=True, exist_ok=True)
    count = max(1, -(-rows // 500_000))
    jobs = [(folder, number, -(-rows // count), seed) for number in range(count)]
    if processes == 1:
        found = [_part(*job) for job in jobs]
    else:
        with ProcessPoolExecutor(processes) as pool:
            found = list(pool.map(_part, *zip(*jobs, strict=True)))
    pq.write_table(pa.concat_tables(found), folder / "truth.parquet")


def _part(folder: Path, number: int, rows: int, seed: int) -> pa.Table:
    """One file of the export; returns its answers."""
    chance = random.Random(f"{seed}/{number}")
    made, part = 0, _Part()
    truth: list[pa.Table] = []
    with pq.ParquetWriter(
        folder / "export" / f"bulk-{number:05}.parquet", SCHEMA, compression="zstd"
    ) as to:
        while made < rows:
            made -= len(part.rows)
            _project(chance, f"{number:x}", len(truth), part)
            made += len(part.rows)
            if len(part.rows) >= _CHUNK or made >= rows:
                to.write_table(_table(part.rows, SCHEMA))
                truth.append(_table(part.truth, TRUTH))
                part = _Part()
    return pa.concat_tables(truth)


def _table(rows: list[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, one.type) for column, one in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


# --- projects, releases, files --------------------------------------------------------------------


@dataclass(slots=True)
class _Project:
    name: str
    spelled: str
    chance: random.Random
    requires: list[str]
    python: str | None
    platforms: tuple[str, ...]
    """Empty for a pure project."""
    pythons: tuple[str, ...]
    sdists: bool
    modern: bool
    """Whether its sdists have metadata 2.2 or later."""
    released: datetime
    trouble: str | None
    """What its releases differ in, if it has that habit."""


_TROUBLES = ("spelling", "order", "marker", "python", "libc", "uniform", "sdist")
_WEIGHTS = (45, 25, 14, 4, 3, 2, 7)


def _project(chance: random.Random, part: str, chunk: int, into: _Part) -> None:
    project = _new_project(chance, f"{part}x{chunk:x}x{len(into.truth):x}")
    count = min(300, int(chance.paretovariate(0.8)))
    for number in range(count):
        _release(project, number, into)


def _new_project(chance: random.Random, unique: str) -> _Project:
    spelled = (
        f"{chance.choice(_WORDS)}{chance.choice('-_.')}{chance.choice(_WORDS).title()}{unique}"
    )
    native = chance.random() < 0.09
    trouble = chance.choices(_TROUBLES, _WEIGHTS)[0] if chance.random() < 0.05 else None
    if trouble in ("marker", "python", "libc", "uniform"):
        native = True
    return _Project(
        name=spelled.lower().replace("_", "-").replace(".", "-"),
        spelled=spelled,
        chance=chance,
        requires=[_requirement(chance) for _ in range(min(40, int(chance.expovariate(1 / 4.5))))],
        python=chance.choice((None, ">=3.6", ">=3.8", ">=3.9,<4", "")),
        platforms=_PLATFORMS[: chance.randint(2, 4)] if native else (),
        pythons=_PYTHONS[: chance.randint(1, 5)] if native else ("py3",),
        sdists=chance.random() < 0.85,
        modern=chance.random() < 0.55,
        released=datetime(2020, 8, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(48_000)),
        trouble=trouble,
    )


def _requirement(chance: random.Random) -> str:
    name = f"{chance.choice(_WORDS)}-{chance.randrange(60_000)}"
    form = chance.randrange(5)
    if form == 0:
        return name
    if form == 1:
        return f"{name}>={chance.randrange(9)}.{chance.randrange(20)}"
    if form == 2:
        return f"{name}<{chance.randrange(1, 9)},>=0.{chance.randrange(20)}"
    if form == 3:
        return f'{name}; python_version < "3.{chance.randrange(7, 13)}"'
    return f'{name}; extra == "{chance.choice(_WORDS)}"'


def _release(project: _Project, number: int, into: _Part) -> None:
    chance = project.chance
    version = f"{number // 10}.{number % 10}.{chance.randrange(3)}"
    written = version
    if chance.random() < 0.02:
        version, written = f"{version}rc1", f"{version}-RC.1"
    released = project.released + timedelta(days=30 * number)
    level = chance.random() < 0.06
    trouble = project.trouble if not level and chance.random() < 0.8 else None
    files = list(_files(project, written, trouble))
    differs = len({repr((said, python)) for name, said, python, speaks in files if speaks}) > 1
    speaking = sum(speaks for *_, speaks in files)
    for filename, said, python, _ in files:
        into.rows.append(_row(project, written, filename, said, python, released, level))
    if chance.random() < 0.002:
        into.rows.append(into.rows[-1])
    junk = _junk(project, written, released) if chance.random() < 0.004 else []
    into.rows += junk
    into.truth.append(
        (
            project.name,
            version,
            "release-level" if level else trouble or "same",
            _class(files, trouble, level),
            "none" if level or speaking < 2 else "differs" if differs else "same",
            len(files) + len(junk),
        )
    )


def _class(files: list[_File], trouble: str | None, level: bool) -> str:
    """The right answer about the wheels of a release."""
    wheels = sum(filename.endswith(".whl") for filename, *_ in files)
    if len(files) < 2:
        return "single"
    if level or not wheels:
        return "not auditable"
    if wheels == 1:
        return "identical"
    return {"marker": "mergeable", "python": "mergeable", "libc": "irreconcilable",
            "uniform": "uniform"}.get(trouble or "", "identical")  # fmt: skip


_File = tuple[str, list[str], str | None, bool]


def _files(project: _Project, version: str, trouble: str | None) -> Iterator[_File]:
    """File name, requirements, Requires-Python, and whether an sdist of that age says them."""
    stem = f"{project.spelled.replace('-', '_').replace('.', '_').lower()}-{_in_name(version)}"
    requires, python = project.requires, project.python
    tags = _tags(project, trouble)
    for number, (interpreter, platform) in enumerate(tags):
        said = _said(requires, trouble, interpreter, platform, odd=number == len(tags) - 1)
        abi = interpreter if interpreter.startswith("cp") else "none"
        yield f"{stem}-{interpreter}-{abi}-{platform}.whl", said, python, True
    if project.sdists:
        modern = project.modern
        said = [*requires, "build-only"] if trouble == "sdist" and modern else requires
        yield f"{stem}.tar.gz", said if modern else [], python, modern


def _in_name(version: str) -> str:
    return version.replace("-RC.", "rc")


def _tags(project: _Project, trouble: str | None) -> list[tuple[str, str]]:
    platforms = project.platforms or ("any",)
    found = [(interpreter, platform) for interpreter in project.pythons for platform in platforms]
    if trouble in ("spelling", "order") and len(found) < 2:
        found = [("py2", "any"), ("py3", "any")]
    if trouble == "libc":
        found = [("cp311", _LINUX), ("cp311", _NEW_LINUX)]
    if (trouble == "uniform" and len(found) < 2) or (
        trouble == "python" and len(project.pythons) < 3
    ):
        found = [(interpreter, platforms[0]) for interpreter in ("cp311", "cp312")]
    return found


def _said(
    requires: list[str], trouble: str | None, interpreter: str, platform: str, *, odd: bool
) -> list[str]:
    """What a wheel says, given the trouble; ``odd`` is the last wheel."""
    if trouble == "spelling" and odd:
        return [line.replace("-", "_", 1).replace(">=", " >= ") for line in [*requires, "six-x>=1"]]
    if trouble == "spelling":
        return [*requires, "six-x>=1"]
    if trouble == "order":
        return ["b-last", "a-first", *requires] if odd else ["a-first", "b-last", *requires]
    if trouble == "marker" and "linux" in platform:
        return [*requires, "only-linux>=2"]
    if trouble == "python" and interpreter == "cp311":
        return [*requires, "only-311"]
    if trouble == "libc" and platform == _NEW_LINUX:
        return [*requires, "only-new-glibc"]
    if trouble == "uniform":
        line = 'always; python_version >= "3.0"' if odd else "always"
        return [*requires, line]
    return requires


def _row(
    project: _Project,
    version: str,
    filename: str,
    said: list[str],
    python: str | None,
    released: datetime,
    level: bool,
) -> tuple[object, ...]:
    chance = project.chance
    wheel = filename.endswith(".whl")
    old = not wheel and not project.modern
    digest = f"{chance.getrandbits(256):064x}"
    return (
        None if level else "2.1" if old else "2.4",
        project.spelled,
        version,
        "Something that is made up",
        python,
        project.requires if level else said,
        None if level else "twine/6.1.0 CPython/3.12.1",
        released + timedelta(minutes=chance.randrange(60)),
        filename,
        chance.randrange(2_000, 5_000_000),
        f"{digest[:2]}/{digest[2:4]}/{filename}",
        filename.split("-")[2] if wheel else "source",
        "bdist_wheel" if wheel else "sdist",
        digest,
    )


def _junk(project: _Project, version: str, released: datetime) -> list[tuple[object, ...]]:
    """Files of kinds that nobody installs any more."""
    stem = f"{project.spelled}-{version}"
    rows = []
    for suffix, kind in ((".win32.exe", "bdist_wininst"), ("-py2.7.egg", "bdist_egg")):
        row = list(_row(project, version, f"{stem}{suffix}", [], None, released, False))
        row[SCHEMA.get_field_index("packagetype")] = kind
        rows.append(tuple(row))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    generate(options.folder, rows=options.rows, seed=options.seed, processes=options.processes)
