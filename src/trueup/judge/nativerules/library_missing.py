"""A file asks for a library that nobody provides.

Neither the distribution itself, nor one beside it, nor what the platform's policy lets a wheel
expect of the system: importing it fails with `cannot open shared object file`. A library at a fixed
path of the machine that built the file is as good as missing. Where a search path leads into the
folder of a package that was not looked at, or the library may be absent, it is told in a lower
voice; what comes with a driver is told of by `external-undeclared`.

**Before**: `demo.so` needs `libgmp.so.10`, and the wheel was not repaired.

**After**: `auditwheel repair` (`delocate-wheel`, `delvewheel repair`) put a copy into the wheel, or
the user installs the system package, which the wheel declares (`Requires-External`).
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.loader import search_folders
from trueup.judge.native import NativeMap, Placement
from trueup.judge.nativefinding import is_wheel, links_found, native_finding, once_per_cause
from trueup.judge.rule import NativeRule
from trueup.judge.systempackages import driver_of, system_package
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import Distribution, Image
from trueup.model.libraryname import parse_library_name
from trueup.model.loading import Found, Link

__all__ = ["RULE"]

CODE = "library-missing"


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement, distribution, wanted, links in links_found(native, Found.MISSING, Found.OUTSIDE):
        if driver_of(wanted) is not None:
            continue
        severity, message, hint = _told(placement, distribution, wanted, links)
        yield native_finding(
            distribution,
            CODE,
            severity,
            message,
            where=placement.layout.label,
            evidence=[Evidence(files=tuple(link.user for link in links))],
            hint=hint,
        )


def _told(
    placement: Placement, distribution: Distribution, wanted: str, links: tuple[Link, ...]
) -> tuple[Severity, str, str]:
    """How grave it is, what is wrong, what to do."""
    images = [(link.user, image) for link in links for image in _images(placement, link)]
    if all(wanted in image.optional for _, image in images):
        return (
            Severity.INFO,
            f"nobody provides `{wanted}`, which may be absent",
            "what needs it fails when it is used",
        )
    hint = _hint(wanted)
    if links[0].found is Found.OUTSIDE:
        severity = Severity.ERROR if is_wheel(distribution) else Severity.WARNING
        return severity, f"asks for `{wanted}`, a path of the machine that built it", hint
    folders = sorted(
        {
            folder
            for user, image in images
            for folder in search_folders(image, user)
            if is_wheel(distribution) and not _is_own(distribution, folder)
        }
    )
    if folders:
        return (
            Severity.INFO,
            f"`{wanted}` is expected of a package that is not here",
            f"look at it together with the wheel that brings `{folders[0]}`",
        )
    fixed = sorted(
        {e for _, image in images for e in (*image.rpath, *image.runpath) if e.startswith("/")}
    )
    if fixed and not is_wheel(distribution):
        return (
            Severity.WARNING,
            f"nobody here provides `{wanted}`",
            f"this machine may have it in `{fixed[0]}`; no other one need have it",
        )
    return Severity.ERROR, f"nobody provides `{wanted}`", hint


def _images(placement: Placement, link: Link) -> Iterator[Image]:
    for image in placement.tree.files[link.user].readable:
        if link.wanted in image.needed:
            yield image


def _is_own(distribution: Distribution, folder: str) -> bool:
    """Whether a folder is one that the distribution fills itself, or none of site-packages."""
    top, _, rest = folder.partition("/")
    if top in ("", ".."):
        return True
    if top in _SHARED_TOPS:
        # `nvidia/cublas/lib`: below it, each project has a folder; in `_nl` there is none.
        top = "/".join([top, *rest.split("/")[:1]]) if rest else ""
    if top in (f"{distribution.project}.libs", f"{distribution.project.replace('-', '_')}.libs"):
        return True  # Where repair tools put what they copy, had they copied it.
    return bool(top) and any(file.path.startswith(f"{top}/") for file in distribution.files)


_SHARED_TOPS = frozenset({"nvidia", "_nl"})
"""Folders that many projects put their own into."""


_BROUGHT = {
    "libc10": "torch",
    "libcublas": "nvidia-cublas",
    "libcublasLt": "nvidia-cublas",
    "libcudart": "nvidia-cuda-runtime",
    "libcudnn": "nvidia-cudnn",
    "libcufft": "nvidia-cufft",
    "libcupti": "nvidia-cuda-cupti",
    "libcurand": "nvidia-curand",
    "libcusolver": "nvidia-cusolver",
    "libcusparse": "nvidia-cusparse",
    "libcusparseLt": "nvidia-cusparselt",
    "libiomp5": "intel-openmp",
    "libmkl_rt": "mkl",
    "libnccl": "nvidia-nccl",
    "libnvJitLink": "nvidia-nvjitlink",
    "libnvrtc": "nvidia-cuda-nvrtc",
    "libtbb": "tbb",
    "libtorch": "torch",
    "libtorch_cpu": "torch",
    "libtorch_cuda": "torch",
    "libtorch_python": "torch",
}
"""Libraries that wheels of other projects bring, and no repair tool copies."""


def _hint(wanted: str) -> str:
    repair = "repair the wheel so that it brings the library"
    project = _BROUGHT.get(parse_library_name(wanted).stem)
    if project is not None:
        # One project for each CUDA up to 12, and one without a number from 13 on.
        cuda = " (with `-cu12` for CUDA 12)" if project.startswith("nvidia-") else ""
        return (
            f"the wheel of `{project}`{cuda} brings it: require that and look at both together,"
            " or say that the user has to install it"
        )
    package = system_package(wanted)
    if package is None or not package.words:
        return f"{repair}, or install the system's package"
    return f"{repair}, or install the system's package: {package.words}"


RULE = NativeRule(code=CODE, severity=Severity.ERROR, check=once_per_cause(_check), page=__doc__)
