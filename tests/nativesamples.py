"""Sample reports on native code: every shape that the page of `libs` can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.natives import LINUX, distribution, image, native_file
from trueup.judge.duplicates import duplicates_of
from trueup.judge.native import native_map
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import (
    Component,
    Distribution,
    GpuCode,
    GpuKind,
    Image,
    NativeFile,
    Witness,
)
from trueup.model.nativereport import NativeReport

__all__ = ["CROWD_FILES", "NATIVE_SAMPLES", "report_of"]

MEGABYTE = 1_000_000
CROWD_FILES = 600
HOSTILE = "</title><script>alert(1)</script>\x1b[31m\u202egnp"


def report_of(
    *distributions: Distribution,
    findings: Sequence[Finding] = (),
    failures: Sequence[tuple[str, str]] = (),
) -> NativeReport:
    """What the loader and the comparison say of these, with findings of the sample's own."""
    native = native_map(distributions)
    return NativeReport(
        distributions=native.distributions,
        maps=tuple(placement.loaded for placement in native.placements),
        duplicates=duplicates_of(
            native.distributions, [placement.layout for placement in native.placements]
        ),
        findings=tuple(findings),
        failures=tuple(failures),
    )


def module(path: str, *needed: str, rpath: str = "", size: int = 300_000) -> NativeFile:
    name = path.rpartition("/")[2].partition(".")[0]
    found = image(
        needed=(*needed, "libc.so.6"),
        rpath=(rpath,) if rpath else (),
        exports=(f"PyInit_{name}",),
    )
    return native_file(path, replace(found, debug=size // 3, padding=size // 10), size=size)


def library(
    path: str, *needed: str, size: int = MEGABYTE, like: str = "", says: str = ""
) -> NativeFile:
    """``like`` is what makes two files equal, byte for byte."""
    name = path.rpartition("/")[2]
    found = image(name, needed=needed, rpath=("$ORIGIN",))
    if says:
        found = replace(found, witnesses=(Witness("openblas", "version", says),))
    return native_file(path, found, size=size, sha256=like or None)


def gpu_library(path: str, *codes: tuple[str, GpuKind, int]) -> NativeFile:
    name = path.rpartition("/")[2]
    device = tuple(
        GpuCode(vendor="nvidia", target=target, kind=kind, size=size)
        for target, kind, size in codes
    )
    whole = sum(size for _, _, size in codes) + 9 * MEGABYTE
    return native_file(path, replace(image(name), gpu=device), size=whole)


FINDINGS = (
    Finding(
        code="library-missing",
        severity=Severity.ERROR,
        project="net",
        version="1.0",
        message="asks for `libnowhere.so.1`, which nobody provides",
        where="Linux x86_64, Python 3.12",
        evidence=(Evidence(files=("net/_net.cpython-312-x86_64-linux-gnu.so",), says=("RPATH",)),),
        hint="install `libnowhere1`",
    ),
    Finding(
        code="two-openmp",
        severity=Severity.WARNING,
        project="",
        version="",
        message="two OpenMP runtimes in one process",
    ),
)
SUFFIX = "cpython-312-x86_64-linux-gnu.so"


def numbers() -> Distribution:
    item = distribution(
        "numbers",
        module(
            f"numbers/_core.{SUFFIX}", "libopenblas-0a1b2c3d.so", rpath="$ORIGIN/../numbers.libs"
        ),
        module(
            f"numbers/_linalg.{SUFFIX}", "libopenblas-0a1b2c3d.so", rpath="$ORIGIN/../numbers.libs"
        ),
        module(
            f"numbers/_fft.{SUFFIX}", "libopenblas-0a1b2c3d.so", rpath="$ORIGIN/../numbers.libs"
        ),
        library(
            "numbers.libs/libopenblas-0a1b2c3d.so",
            "libgfortran-11112222.so.5",
            size=24 * MEGABYTE,
            says="0.3.29",
        ),
        library(
            "numbers.libs/libgfortran-11112222.so.5", size=3 * MEGABYTE, like="one and the same"
        ),
        native_file("numbers/broken.so", size=70_000, unreadable="it ends after 7 of 70 kB"),
    )
    components = (
        Component(name="openblas", version="0.3.29", purl="pkg:generic/openblas@0.3.29"),
        Component(name="nameless"),
    )
    return replace(item, components=components, external=("libz",), notes=("`RECORD` is unread",))


def science() -> Distribution:
    return distribution(
        "science",
        module(
            f"science/_opt.{SUFFIX}", "libopenblas-99990000.so", rpath="$ORIGIN/../science.libs"
        ),
        library(
            "science.libs/libopenblas-99990000.so",
            "libgfortran-11112222.so.5",
            size=22 * MEGABYTE,
            says="0.3.27",
        ),
        library(
            "science.libs/libgfortran-11112222.so.5", size=3 * MEGABYTE, like="one and the same"
        ),
    )


def deep() -> Distribution:
    return distribution(
        "deep",
        module(f"deep/_C.{SUFFIX}", "libdeep_cuda.so", rpath="$ORIGIN/lib"),
        gpu_library(
            "deep/lib/libdeep_cuda.so",
            ("sm_80", GpuKind.BINARY, 40 * MEGABYTE),
            ("sm_90", GpuKind.BINARY, 55 * MEGABYTE),
            ("sm_100", GpuKind.BINARY, 60 * MEGABYTE),
            ("compute_100", GpuKind.PTX, 6 * MEGABYTE),
        ),
        gpu_library(
            "deep/lib/libdeep_nccl.so",
            ("sm_80", GpuKind.BINARY, 12 * MEGABYTE),
            ("of a future format", GpuKind.UNREAD, MEGABYTE),
        ),
        native_file("deep/bin/tool", image(needed=("libc.so.6",)), size=2 * MEGABYTE),
    )


def net() -> Distribution:
    return distribution("net", module(f"net/_net.{SUFFIX}", "libnowhere.so.1"))


def wheel(minor: int, version: str = "1.0") -> Distribution:
    """One wheel of a release that ships the same library for each Python."""
    suffix = f"cpython-3{minor}-x86_64-linux-gnu.so"
    return distribution(
        "bound",
        module(f"bound/_bound.{suffix}", "libgmp-aaaabbbb.so.10", rpath="$ORIGIN/../bound.libs"),
        library("bound.libs/libgmp-aaaabbbb.so.10", like="the one libgmp"),
        version=version,
        tags=f"cp3{minor}-cp3{minor}-{LINUX}",
    )


def crowd() -> list[Distribution]:
    """As many files as a large environment has, in 20 packages."""
    found = []
    for number in range(20):
        name = f"package{number:02}"
        libraries = [f"lib{name}part{n}-0000{number:04}.so.{n}" for n in range(10)]
        files = [
            module(
                f"{name}/sub/_part{n}.{SUFFIX}",
                libraries[n % 10],
                "libm.so.6",
                rpath=f"$ORIGIN/../../{name}.libs",
                size=20_000 * (n + 1),
            )
            for n in range(20)
        ]
        files += [
            library(f"{name}.libs/{file}", size=MEGABYTE * (n + number + 1))
            for n, file in enumerate(libraries)
        ]
        found.append(distribution(name, *files))
    return found


def hostile() -> NativeReport:
    bad: Image = replace(
        image(HOSTILE, needed=(HOSTILE,), rpath=(HOSTILE,)),
        witnesses=(Witness(HOSTILE, "version", HOSTILE),),
        gpu=(GpuCode(vendor="x", target=HOSTILE, kind=GpuKind.BINARY, size=100),),
    )
    item = distribution(
        "hostile", native_file(f"x/{HOSTILE}.so", bad), native_file(f"y/{HOSTILE}.so", bad)
    )
    component = Component(name=HOSTILE, version=HOSTILE, purl=f"javascript:{HOSTILE}")
    item = replace(item, components=(component,), external=(HOSTILE,), notes=(HOSTILE,))
    finding = replace(FINDINGS[0], message=HOSTILE, hint=HOSTILE, where=HOSTILE)
    return report_of(item, findings=[finding], failures=[(HOSTILE, HOSTILE)])


def installed() -> Distribution:
    item = numbers()
    files = tuple(replace(file, packed=None) for file in item.files)
    return replace(item, filename="numbers-1.0.dist-info", files=files, size=None)


NATIVE_SAMPLES = {
    "mixed": report_of(numbers(), science(), deep(), net(), findings=FINDINGS),
    "release": report_of(*map(wheel, (11, 12, 13)), wheel(13, "0.9"), numbers()),
    "one": report_of(science()),
    "installed": report_of(installed()),
    "crowd": report_of(
        *crowd(), findings=[replace(FINDINGS[1], message=f"runtime {n}") for n in range(9)]
    ),
    "hostile": hostile(),
    "empty": report_of(failures=[("nothing.whl", "`nothing.whl` is not there")]),
}
