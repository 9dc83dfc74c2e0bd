"""The loader that we work out, against the one that runs: glibc's, with libraries compiled here."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compiler import extension_module, needs_compiler, shared_library
from tests.natives import distribution, native_file
from trueup.judge.loader import closures, tree_of
from trueup.judge.native import native_map
from trueup.judge.nativerules import NATIVE_RULES
from trueup.model.finding import Finding
from trueup.model.library import Distribution, Image
from trueup.model.loading import Closure, Found, Layout
from trueup.model.metadata import Unreadable
from trueup.sources.binary.read import read_images

pytestmark = [
    needs_compiler,
    pytest.mark.skipif(
        platform.libc_ver()[0] != "glibc", reason="this is about the loader of glibc"
    ),
]

ENTRY = "demo/fast.abi3.so"
MANY = int(os.environ.get("LOADER_EXAMPLES", "10"))
"""Arrangements that are compiled and run; a quarter of a second each."""
NOT_FOUND = (Found.MISSING, Found.ELSEWHERE, Found.OUTSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A library: the names that it asks for, its search path, its soname (True: as its file)."""

    needs: tuple[str, ...] = ()
    search: str | None = None
    runpath: bool = False
    soname: str | bool = True
    source: str = ""


def rpath(
    *needs: str, search: str | None = None, soname: str | bool = True, source: str = ""
) -> Made:
    return Made(needs=needs, search=search, soname=soname, source=source)


def runpath(*needs: str, search: str) -> Made:
    return Made(needs=needs, search=search, runpath=True)


def build(folder: Path, files: Mapping[str, Made], body: str = "") -> Path:
    """Compile the files below `site`; what they ask for is linked in the form of empty stubs."""
    site = folder / "site"
    for path, made in files.items():
        place = (site / path).parent
        stubs = [stub(folder / "stubs", name) for name in made.needs]
        if path == ENTRY:
            extension_module(
                place,
                "fast",
                body or "long compute(void) { return 0; }",
                needs=stubs,
                search=made.search,
                runpath=made.runpath,
            )
            continue
        name = Path(path).name
        soname = (name if made.soname else None) if isinstance(made.soname, bool) else made.soname
        shared_library(
            place,
            name,
            made.source,
            soname=soname,
            needs=stubs,
            search=made.search,
            runpath=made.runpath,
        )
    return site


def stub(folder: Path, name: str) -> Path:
    return shared_library(folder, re.sub(r"\W", "_", name) + ".so", "", soname=name)


def read(site: Path) -> Distribution:
    """What lies below `site`, as `trueup libs` reads it."""
    files = []
    for path in sorted(site.rglob("*.so*")):
        images = read_images(path.read_bytes())
        assert not isinstance(images, Unreadable)
        files.append(native_file(path.relative_to(site).as_posix(), *images, sha256=str(path)))
    return distribution("demo", *files)


def worked_out(site: Path, library_path: Sequence[str]) -> Closure:
    tree = tree_of(Layout(label="", distributions=(read(site),)), library_path)
    return next(one for one in closures(tree) if one.entry == ENTRY)


_OPEN = """
import ctypes, sys
for path in sys.argv[1:]:
    ctypes.CDLL(path)
"""


def run(
    site: Path, script: str, *arguments: str, library_path: Sequence[str] = (), **environ: str
) -> subprocess.CompletedProcess[str]:
    folders = os.pathsep.join(str(site / folder) for folder in library_path)
    clean = {name: text for name, text in os.environ.items() if not name.startswith("LD_")}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=clean | ({"LD_LIBRARY_PATH": folders} if folders else {}) | environ,
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )


def really(site: Path, library_path: Sequence[str]) -> tuple[str, ...] | str:
    """What glibc loads with the entry, in the order in which it looks symbols up; or its error."""
    trace = site.parent / "trace"
    done = run(
        site,
        _OPEN,
        str(site / ENTRY),
        library_path=library_path,
        LD_DEBUG="scopes",
        LD_DEBUG_OUTPUT=str(trace),
    )
    if done.returncode:
        found = re.search(r"OSError: (\S+): cannot open shared object file", done.stderr)
        assert found, done.stderr
        return found[1]
    (written,) = site.parent.glob("trace.*")
    scopes = re.findall(r"scope \d+: (.*)", written.read_text("utf-8"))
    ours = next(scope.split() for scope in scopes if scope.startswith(str(site / ENTRY)))
    paths = [os.path.normpath(one) for one in ours if one.startswith(str(site))]
    return tuple(os.path.relpath(one, site) for one in paths)


A, B, OTHER = "demo.libs/liba.so", "demo.libs/libb.so", "other/liba.so"
LIBS, ELSE = "$ORIGIN/../demo.libs", "$ORIGIN/../other"
CASES: dict[str, tuple[dict[str, Made], tuple[str, ...]]] = {
    "DT_RPATH": ({ENTRY: rpath("liba.so", search=LIBS), A: rpath()}, ()),
    "DT_RUNPATH": ({ENTRY: runpath("liba.so", search=LIBS), A: rpath()}, ()),
    "${ORIGIN}": ({ENTRY: rpath("liba.so", search="${ORIGIN}/../demo.libs"), A: rpath()}, ()),
    "$ORIGINAL is no origin": (
        {ENTRY: rpath("liba.so", search="$ORIGINAL/../demo.libs"), A: rpath()},
        (),
    ),
    "no path leads there": ({ENTRY: rpath("liba.so", search="$ORIGIN/nowhere"), A: rpath()}, ()),
    "the first entry goes first": (
        {ENTRY: rpath("liba.so", search=f"{ELSE}:{LIBS}"), A: rpath(), OTHER: rpath()},
        (),
    ),
    "DT_RPATH goes before LD_LIBRARY_PATH": (
        {ENTRY: rpath("liba.so", search=LIBS), A: rpath(), OTHER: rpath()},
        ("other",),
    ),
    "LD_LIBRARY_PATH goes before DT_RUNPATH": (
        {ENTRY: runpath("liba.so", search=LIBS), A: rpath(), OTHER: rpath()},
        ("other",),
    ),
    "LD_LIBRARY_PATH alone": ({ENTRY: rpath("liba.so"), OTHER: rpath()}, ("other",)),
    "DT_RPATH is inherited": (
        {ENTRY: rpath("liba.so", search=LIBS), A: rpath("libb.so"), B: rpath()},
        (),
    ),
    "DT_RUNPATH is not": (
        {ENTRY: runpath("liba.so", search=LIBS), A: rpath("libb.so"), B: rpath()},
        (),
    ),
    "who has a DT_RUNPATH inherits nothing": (
        {
            ENTRY: rpath("liba.so", search=LIBS),
            A: runpath("libb.so", search="$ORIGIN/nowhere"),
            B: rpath(),
        },
        (),
    ),
    "inheritance goes on past who has a DT_RUNPATH": (
        {
            ENTRY: rpath("liba.so", search=f"{LIBS}:{ELSE}"),
            A: runpath("libb.so", search="$ORIGIN"),
            B: rpath("libc1.so"),
            "other/libc1.so": rpath(),
        },
        (),
    ),
    "one's own DT_RPATH goes before an inherited one": (
        {
            ENTRY: rpath("libb.so", search=f"{LIBS}"),
            B: rpath("liba.so", search=ELSE),
            A: rpath(),
            OTHER: rpath(),
        },
        (),
    ),
    "what is loaded is known by its soname": (
        {
            ENTRY: rpath("libfirst.so", "libreal.so", search=f"{LIBS}:{ELSE}"),
            "demo.libs/libfirst.so": rpath(soname="libreal.so"),
            "other/libreal.so": rpath(),
        },
        (),
    ),
    "and not by its file": (
        {
            ENTRY: rpath("libfirst.so", "libb.so", search=f"{LIBS}:{ELSE}"),
            "demo.libs/libfirst.so": rpath("libwrong.so"),
            "other/libwrong.so": rpath(soname="libx.so"),
            B: rpath(),
        },
        (),
    ),
    "a name that was asked for is known too": (
        {
            ENTRY: rpath("liba.so", "libb.so", search=f"{LIBS}:{ELSE}"),
            A: rpath(soname="libz1.so"),
            B: rpath("liba.so", search=ELSE),
            OTHER: rpath(),
        },
        (),
    ),
    "the file of the entry is no name": (
        {
            ENTRY: rpath("liba.so", search=LIBS),
            A: rpath("fast.abi3.so", search=ELSE),
            "other/fast.abi3.so": rpath(soname="libfast.so"),
        },
        (),
    ),
    "symbols are looked up breadth first": (
        {
            ENTRY: rpath("liba.so", "libb.so", search=LIBS),
            A: rpath("libc1.so"),
            B: rpath(),
            "demo.libs/libc1.so": rpath(),
        },
        (),
    ),
    "a path in what is needed": ({ENTRY: rpath("$ORIGIN/../other/liba.so"), OTHER: rpath()}, ()),
    "nobody has it": ({ENTRY: rpath("libnobody-has-it.so.7", search=LIBS)}, ()),
}


@pytest.mark.parametrize(("files", "library_path"), CASES.values(), ids=CASES)
def test_both_loaders_agree(
    tmp_path: Path, files: Mapping[str, Made], library_path: tuple[str, ...]
) -> None:
    agree(tmp_path, files, library_path)


def agree(folder: Path, files: Mapping[str, Made], library_path: tuple[str, ...]) -> None:
    """Both load the same files in the same order, or both miss the same library first."""
    site = build(folder, files)
    closure = worked_out(site, library_path)
    wrong = [link.wanted for link in closure.links if link.found in NOT_FOUND]
    real = really(site, library_path)
    if wrong:
        assert real == wrong[0]
    else:
        assert real == closure.order


@st.composite
def arrangements(draw: st.DrawFn) -> tuple[dict[str, Made], tuple[str, ...]]:
    """A few libraries in two folders, some there twice, with any names, needs and search paths."""
    names = ["liba.so", "libb.so", "libc1.so", "libd.so"]
    folders = ["demo.libs", "other"]
    entries = ["$ORIGIN", LIBS, ELSE, "${ORIGIN}/../other", "$ORIGIN/nowhere", "/nowhere"]

    sonames: list[str | bool] = [True, True, True, False, *names]

    def made(*, entry: bool = False) -> Made:
        return Made(
            needs=tuple(draw(st.lists(st.sampled_from(names), unique=True, max_size=3))),
            search=":".join(draw(st.lists(st.sampled_from(entries), max_size=2))) or None,
            runpath=draw(st.booleans()),
            soname=True if entry else draw(st.sampled_from(sonames)),
        )

    files = {ENTRY: made(entry=True)}
    for folder in folders:
        for name in names:
            if draw(st.integers(0, 3)):
                files[f"{folder}/{name}"] = made()
    return files, tuple(draw(st.lists(st.sampled_from(folders), unique=True, max_size=1)))


@settings(
    max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(arrangement=arrangements())
def test_both_loaders_agree_on_whatever_there_is(
    arrangement: tuple[dict[str, Made], tuple[str, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        agree(Path(folder).resolve(), *arrangement)


def findings(site: Path, code: str) -> list[Finding]:
    rule = next(rule for rule in NATIVE_RULES if rule.code == code)
    return list(rule.check(native_map([read(site)])))


_VALUE = """
import ctypes, importlib.util, sys
for path in sys.argv[2:]:
    ctypes.CDLL(path)
spec = importlib.util.spec_from_file_location("fast", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.value())
"""
DEEP = "extern long deep(void); long compute(void) { return deep(); }"


def value(site: Path, *first: str, library_path: Sequence[str] = ()) -> str:
    """What the module computes, after these libraries were opened."""
    done = run(
        site,
        _VALUE,
        str(site / ENTRY),
        *(str(site / path) for path in first),
        library_path=library_path,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def deep(answer: int) -> str:
    return f"long deep(void) {{ return {answer}; }}"


def test_the_first_of_two_exporters_serves(tmp_path: Path) -> None:
    """`two-exporters`: the module was linked to both; the finding says which one serves."""
    site = build(
        tmp_path,
        {
            ENTRY: rpath("liba.so", "libb.so", search=LIBS),
            A: rpath(source=deep(1)),
            B: rpath(source=deep(2)),
        },
        DEEP,
    )
    (one,) = findings(site, "two-exporters")
    assert value(site) == "1"
    assert [e.files for e in one.evidence if e.says[0].startswith("serves 1 symbol")] == [(A,)]


@pytest.mark.parametrize(
    ("soname", "answer", "hijacked"),
    [("libgmp.so.10", "2", True), ("libgmp-a6f47472.so.10", "1", False)],
)
def test_a_generic_soname_is_hijacked(
    tmp_path: Path, soname: str, answer: str, hijacked: bool
) -> None:
    """`generic-soname`: a library of that name is loaded first, as a system's copy would be."""
    site = build(
        tmp_path,
        {ENTRY: rpath(soname, search=LIBS), f"demo.libs/{soname}": rpath(source=deep(1))},
        DEEP,
    )
    assert bool(findings(site, "generic-soname")) is hijacked
    system = shared_library(tmp_path / "system", "libgmp.so.10", deep(2), soname="libgmp.so.10")
    assert value(site) == "1"
    assert value(site, str(system)) == answer


@pytest.mark.parametrize(("found_by", "answer"), [(runpath, "2"), (rpath, "1")])
def test_a_runpath_lets_the_environment_go_first(
    tmp_path: Path, found_by: Callable[..., Made], answer: str
) -> None:
    """`runpath`: LD_LIBRARY_PATH leads to another library of the same name."""
    site = build(
        tmp_path,
        {
            ENTRY: found_by("libgmp.so.10", search=LIBS),
            "demo.libs/libgmp.so.10": rpath(source=deep(1)),
        },
        DEEP,
    )
    assert bool(findings(site, "runpath")) is (answer == "2")
    shared_library(site.parent / "module", "libgmp.so.10", deep(2), soname="libgmp.so.10")
    assert value(site, library_path=["../module"]) == answer


def test_a_missing_library_is_missed(tmp_path: Path) -> None:
    site = build(tmp_path, {ENTRY: rpath("libgmp-ffffffff.so.10", search=LIBS)})
    (one,) = findings(site, "library-missing")
    assert one.message == "nobody provides `libgmp-ffffffff.so.10`"
    assert "libgmp-ffffffff.so.10: cannot open shared object file" in value(site)


def test_an_unreached_library_depends_on_who_was_first(tmp_path: Path) -> None:
    site = build(tmp_path, {ENTRY: rpath("liba.so"), A: rpath(source=deep(1))}, DEEP)
    assert len(findings(site, "library-unreached")) == 1
    assert "liba.so: cannot open shared object file" in value(site)
    assert value(site, A) == "1"


def test_images_are_those_of_this_machine(tmp_path: Path) -> None:
    site = build(tmp_path, {ENTRY: rpath("liba.so", search=LIBS), A: rpath()})
    images: list[Image] = [image for file in read(site).files for image in file.readable]
    assert {image.machine for image in images} == {platform.machine()}
