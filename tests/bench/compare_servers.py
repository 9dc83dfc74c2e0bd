"""Pages per second of `trueup serve` beside other index servers, in one run on one machine.

    just bench-serve --install     # the others into virtual environments of their own, first
    just bench-serve               # measure, and print the tables of docs/reference/performance.md

All serve the same release of 148 wheels; those that are mirrors have it from ours, with all that a
page can say. They take turns, so that what else the machine does hits all of them, and what is
printed are medians; a server that is not installed is left out.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import httpx2
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.bench.other_servers import EVERY, Page, Setting, free_port, started
from tests.bench.serve_wrk import Row, bare
from tests.build import make_wheel
from tests.serving import serving
from tests.tools import install, tools_folder, versions
from trueup.sources.store.releases import HostedFile, State
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import Store

__all__ = ["main"]

FORMS = {"JSON": "application/vnd.pypi.simple.v1+json", "HTML": "text/html"}
FILES = 148
LARGE = (26, FILES)
"""Versions of the large project, and files of each: a page of 2 MB."""

BOUNDS = {"memory": 10_000, "SQLite": 7_000}
TIMES = 10


# --- what is served -------------------------------------------------------------------------------


def make_files(folder: Path) -> Path:
    """The wheels of one release."""
    folder.mkdir()
    for number in range(FILES):
        tag = f"cp3{number % 5 + 9}-abi3-manylinux_2_{17 + number // 5}_x86_64"
        make_wheel(folder, "demo", "1.0", tags=tag, requires=["one>=1", "two; extra == 'x'"])
    return folder


def write_large(data: Path) -> None:
    """A project with very many files, as uploads would have left it; nobody fetches the files."""
    data.mkdir()
    engine = open_engine(f"sqlite:///{data / 'index.db'}")
    upgrade(engine)
    store, project = Store(engine), canonicalize_name("large")
    for number in range(LARGE[0]):
        found = Version(f"1.{number}")
        for part in range(LARGE[1]):
            tag = f"cp3{part % 5 + 9}-abi3-manylinux_2_{17 + part // 5}_x86_64"
            file = HostedFile(
                filename=f"large-{found}-{tag}.whl", sha256=f"{number:032x}{part:032x}", size=1000,
                core_metadata=b"Name: large\n", requires_python=">=3.9", yanked=None,
                uploaded=float(part), uploader="bench",
            )  # fmt: skip
            beside = store.release("main", project, found)
            store.add_file(
                "main", project, found, file, verdict={}, state=State.STAGED, beside=beside
            )
        release = store.release("main", project, found)
        assert release is not None
        store.publish(release, who="bench", verdict={})
    engine.dispose()


# --- how it is asked ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """The addresses of two processes on one store: one remembers pages, one never does."""

    memory: str
    memory_pid: int
    sqlite: str
    sqlite_pid: int


@contextmanager
def ours(files: Path, folder: Path) -> Iterator[Ours]:
    """`trueup serve` with one worker, with the release published; the same without its memory."""
    data = folder / "data"
    write_large(data)
    with ExitStack() as stack:
        server = stack.enter_context(serving(data, "--hosted-only", cwd=folder))
        for path in sorted(files.iterdir()):
            answer = server.upload(path)
            assert answer.status_code == 200, answer.text
        assert server.post("/api/demo/1.0/publish").status_code == 200
        for project in ("demo", "large"):
            for accept in FORMS.values():
                assert server.get(f"/simple/{project}/", accept=accept).status_code == 200
        port = free_port()
        root = f"http://127.0.0.1:{port}"
        command: list[str | Path] = [
            sys.executable, "-m", "tests.bench.serve_without_memory", data, str(port)
        ]  # fmt: skip
        pid = stack.enter_context(started(command, f"{root}/health", log=folder / "log"))
        yield Ours(memory=server.url, memory_pid=server.process.pid, sqlite=root, sqlite_pid=pid)


def our_rows(found: Ours) -> list[Row]:
    """Every way of asking ours."""
    rows = []
    places = {
        "memory": (found.memory, found.memory_pid),
        "SQLite": (found.sqlite, found.sqlite_pid),
    }
    for project, form in (("demo", "JSON"), ("demo", "HTML"), ("large", "JSON")):
        for place, (root, pid) in places.items():
            for coding in ("plain", "gzip"):
                name = f"trueup, from {place}" + (", large page" if project == "large" else "")
                headers = [f"Accept: {FORMS[form]}"]
                headers += ["Accept-Encoding: gzip"] if coding == "gzip" else []
                rows.append(
                    Row(
                        name=name, kind=f"{form}, {coding}", url=f"{root}/simple/{project}/",
                        pid=pid, headers=tuple(headers),
                    )
                )  # fmt: skip
    return rows


def other_rows(pages: Sequence[Page]) -> list[Row]:
    """Every other server, as an installer asks that takes what comes."""
    return [
        Row(
            name=page.name, kind=f"{form}, plain", url=page.url, pid=page.pid,
            headers=(f"Accept: {FORMS[form]}",),
        )
        for page in pages
        for form in page.forms
    ]  # fmt: skip


def look(row: Row) -> bytes:
    """One answer, which must name every file; its size is that of the body as it is sent."""
    headers = dict(header.split(": ") for header in row.headers)
    with httpx2.Client(verify=False, trust_env=False, timeout=120) as client:
        del client.headers["accept-encoding"]
        with client.stream("GET", row.url, headers=headers) as answer:
            assert answer.status_code == 200, f"{row.url}: {answer.read()!r}"
            raw = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding", "identity") in (
            ("gzip",) if "gzip" in row.kind else ("identity",)
        ), row.url
        if not row.name.startswith("bare"):
            kind = "json" if row.kind.startswith("JSON") else "html"
            assert kind in answer.headers["content-type"], (row.url, answer.headers)
            page = client.get(row.url, headers=headers).text
            expected = LARGE[0] * LARGE[1] if "large" in row.name else FILES
            found = {name for name in page.replace('"', "/").split("/") if name.endswith(".whl")}
            found |= {name for name in page.replace("<", ">").split(">") if name.endswith(".whl")}
            assert len(found) == expected, (row.url, len(found))
    row.size = len(raw)
    return raw


# --- tables ---------------------------------------------------------------------------------------


def table(rows: Sequence[Row]) -> list[str]:
    """Medians; the ratio is that of our plain page from memory in the same form."""
    lines = [
        "| server | page | KB | pages/s | from, to | per processor second | ours is × |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        form = row.kind.partition(",")[0]
        best = next(
            one
            for one in rows
            if one.name == "trueup, from memory" and one.kind == f"{form}, plain"
        )
        other = not row.name.startswith(("trueup", "bare"))
        ratio = f"{best.speed / row.speed:,.0f}" if other else "–"
        broken = f", {row.broken} broken" if row.broken else ""
        lines.append(
            f"| {row.name} | {row.kind} | {row.size / 1000:,.0f} | {row.speed:,.0f}{broken} | "
            f"{min(row.speeds):,.0f} – {max(row.speeds):,.0f} | {row.cost:,.0f} | {ratio} |"
        )
    return lines


def bounds(rows: Sequence[Row]) -> list[str]:
    """Whether it is as fast as it must be."""
    lines = ["| bound | measured | holds |", "|---|---|---|"]
    others = [row for row in rows if not row.name.startswith(("trueup", "bare"))]
    plain = {
        place: next(
            one for one in rows if one.name == f"trueup, from {place}" and one.kind == "JSON, plain"
        )
        for place in BOUNDS
    }
    for place, bound in BOUNDS.items():
        row = plain[place]
        said = f"{row.speed:,.0f}; slowest round {min(row.speeds):,.0f}"
        lines.append(f"| ≥ {bound:,} pages/s from {place} | {said} | {_word(row.speed >= bound)} |")
    if others:
        best = max(others, key=lambda one: one.speed)
        for place, row in plain.items():
            times = row.speed / best.speed
            said = (
                f"{times:,.1f} × {best.name} ({best.kind}); "
                f"{row.cost / best.cost:,.1f} × per processor second"
            )
            lines.append(
                f"| ≥ {TIMES} × the best of the others, from {place} | {said} | "
                f"{_word(times >= TIMES)} |"
            )
    return lines


def _word(holds: bool) -> str:
    return "yes" if holds else "**no**"


def machine() -> str:
    """What it ran on."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    ours = ", ".join(
        f"{name} {version(name)}" for name in ("trueup", "starlette", "uvicorn", "uvloop")
    )
    return (
        f"{len(models)} cores of {models[0] if models else 'an unknown kind'}, "
        f"Python {platform.python_version()}, {ours}"
    )


# --- the command line -----------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="just bench-serve", description=__doc__)
    parser.add_argument("--install", action="store_true", help="install the others, first")
    parser.add_argument("--cache", type=Path, default=tools_folder(), help="where they live")
    parser.add_argument("--python", default=sys.executable, help="the Python they are to run on")
    parser.add_argument("--only", action="append", metavar="NAME", help="these others only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each row in each round")
    options = parser.parse_args(arguments)
    if shutil.which("wrk") is None:
        parser.error("`wrk` measures, and is not installed")
    others = [one for one in EVERY if options.only is None or one.name in options.only]
    if options.install:
        for one in others:
            install(one.name, one.packages, where=options.cache, python=options.python)
    with TemporaryDirectory(prefix="trueup-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        files = make_files(folder / "files")
        (folder / "ours").mkdir()
        found = stack.enter_context(ours(files, folder / "ours"))
        rows = our_rows(found)
        for row in [one for one in rows if one.name.startswith("trueup, from memory")]:
            if row.kind == "JSON, plain":
                body = look(row)
                place = folder / f"bare{row.size}"
                url, pid = stack.enter_context(bare(body, place))
                about = ", large page" if "large" in row.name else ""
                rows.append(Row(name=f"bare uvicorn{about}", kind=row.kind, url=url, pid=pid))
        for one in others:
            said = versions(one.name, one.packages, where=options.cache)
            if said is None:
                print(f"{one.name}: not installed, left out", file=sys.stderr)
                continue
            print(said)
            place = folder / one.name
            place.mkdir()
            setting = Setting(
                bin=options.cache / one.name / "bin", files=files, upstream=f"{found.memory}/simple/",
                project="demo", folder=place,
            )  # fmt: skip
            rows += other_rows(stack.enter_context(one.start(setting)))
        print(machine())
        for row in rows:
            look(row)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            for row in rows:
                row.measure(options.seconds)
                sleep(0.2)
    loads = [one for row in rows for one in row.loads]
    print(
        f"load {min(loads):.1f} to {max(loads):.1f}; {options.rounds} rounds of {options.seconds} s"
    )
    print("\n".join(["", *table(rows), "", *bounds(rows)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
