"""A bundled library goes by a name that another copy has as well.

The loader takes a library that is loaded already before it searches. If anything brought the
system's `libgmp.so.10` first, the bundled one is not loaded, and an older release of it serves:
`undefined symbol: __gmpz_prevprime`. On Windows the name of the DLL decides in the same way. Mach-O
goes by the path and is free of this. A library wheel whose whole purpose is that library may want
its plain name, and is told so in a lower voice.

**Before**: `demo.libs/libgmp.so.10`, with that soname.

**After**: `demo.libs/libgmp-a6f47472.so.10.5.0`, as `auditwheel repair` and `delvewheel repair`
name it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import (
    is_product,
    names_words,
    native_finding,
    once_per_cause,
    readable_files,
)
from trueup.judge.rule import NativeRule
from trueup.judge.systempackages import is_well_known
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import BinaryFormat, NativeFile
from trueup.model.libraryname import parse_library_name

__all__ = ["RULE", "generic_name"]

CODE = "generic-soname"


def generic_name(file: NativeFile) -> str | None:
    """The name by which the loader knows a library again, if no repair tool made it unique."""
    if file.is_extension:
        return None
    for image in file.readable:
        name = file.filename if image.format is BinaryFormat.PE else image.name
        taken = image.format is BinaryFormat.MACHO or not image.name or name is None
        if not taken and name is not None and parse_library_name(name).digest is None:
            return name if ".so" in name or name.lower().endswith(".dll") else None
    return None


def _check(native: NativeMap) -> Iterator[Finding]:
    others = _holders(native)
    for distribution, files in readable_files(native):
        names = {file.path: name for file in files if (name := generic_name(file)) is not None}
        if not names:
            continue
        clashing = {name for name in names.values() if len(others[name]) > 1}
        known = {name for name in names.values() if is_well_known(name)}
        product = is_product(distribution)
        grave = bool(clashing) or (bool(known) and not product)
        told = clashing | known if grave else set(names.values())
        evidence = [
            Evidence(files=(path,), says=(_says(name, others[name]),))
            for path, name in names.items()
            if name in told
        ]
        yield native_finding(
            distribution,
            CODE,
            Severity.WARNING if grave else Severity.INFO,
            f"brings {names_words(sorted(told))} under a name that another copy may have",
            evidence=evidence,
            hint="whichever is loaded first serves all"
            + ("; a repair tool gives a bundled library a name of its own" if grave else ""),
        )


def _says(name: str, holders: Mapping[str, str]) -> str:
    if len(holders) > 1:
        return f"also in {names_words(sorted(set(holders.values())))}"
    if not is_well_known(name):
        return ""
    return "systems have it" if ".so" in name else "many packages bring it"


def _holders(native: NativeMap) -> dict[str, dict[str, str]]:
    """For each generic name, the different contents of it in one environment, and whose."""
    found: dict[str, dict[str, str]] = {}
    for _, file in native.files():
        name = generic_name(file)
        if name is not None:
            found.setdefault(name, {})
    for placement in native.placements:
        here: dict[str, dict[str, str]] = {}
        for distribution in placement.layout.distributions:
            for file in distribution.files:
                name = generic_name(file)
                if name is not None:
                    here.setdefault(name, {}).setdefault(file.sha256, distribution.project)
        for name, holders in here.items():
            if len(set(holders.values())) > 1:
                found[name].update(holders)
    return found


RULE = NativeRule(code=CODE, severity=Severity.WARNING, check=once_per_cause(_check), page=__doc__)
