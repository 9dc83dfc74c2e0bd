"""Two builds of a library that keeps its state per process are installed side by side.

HDF5 keeps its open files and identifiers, GDAL its drivers and settings, Protocol Buffers its
registry of messages. Two copies under names of their own know nothing of each other: a file that is
open in one is not locked for the other. Two copies under the same name are worse: whichever is
loaded first serves both packages, also the one that was built against the other version.

**Before**: h5py brings HDF5 2.0.0 and netCDF4 brings 2.2.0.

**After**: both take it from one library wheel, or never open the same file.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.duplicates import library_name_of, version_of
from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import loaded_apart, native_finding, once_per_cause
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import Image, NativeFile
from trueup.model.libraryname import known_as

__all__ = ["RULE"]

CODE = "two-stateful-copies"
_STATE = {
    "hdf5": ("HDF5", "open files and identifiers"),
    "gdal": ("GDAL", "drivers and settings"),
    "protobuf": ("Protocol Buffers", "the registry of messages"),
}


def _library(file: NativeFile, image: Image) -> str | None:
    names = known_as(library_name_of(file).library)
    named = image.name is not None and not file.is_extension
    return next((one for one in _STATE if named and one in names), None)


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement in native.placements:
        groups: dict[tuple[str, str], list[list[NativeFile]]] = {}
        for (machine, _), files in loaded_apart(placement, _library).items():
            groups.setdefault((machine, files[0][1]), []).append([file for file, _ in files])
        for (_, library), apart in sorted(groups.items()):
            called, state = _STATE[library]
            told = {
                file.path: Evidence(files=(file.path,), says=(version_of(file) or "",))
                for files in apart
                for file in files
            }
            same = next((files for files in apart if len({f.sha256 for f in files}) > 1), None)
            if same is not None:
                yield native_finding(
                    placement.owner(same[0].path),
                    CODE,
                    Severity.WARNING,
                    f"two builds of {called} have the same name: the first that is loaded serves"
                    " both packages",
                    where=placement.layout.label,
                    evidence=[told[file.path] for file in same],
                    hint="let a repair tool give each a name of its own, or share one copy",
                )
            if len(apart) > 1:
                yield native_finding(
                    placement.owner(apart[0][0].path),
                    CODE,
                    Severity.INFO,
                    f"{len(apart)} builds of {called} can come into the process,"
                    f" each with its own {state.removeprefix('the ')}",
                    where=placement.layout.label,
                    evidence=list(told.values()),
                    hint="do not pass handles or open files from one package to the other",
                )


RULE = NativeRule(code=CODE, severity=Severity.WARNING, check=once_per_cause(_check), page=__doc__)
