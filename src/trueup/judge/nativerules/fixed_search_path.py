"""A search path names a fixed folder, most often one of the machine that built the file.

On a user's machine that folder is absent, or it is somebody else's: what lies there is loaded
without a word, and for DT_RPATH before anything else.

**Before**: `RUNPATH /usr/local/lib64`.

**After**: no search path, or one that begins with `$ORIGIN` (`@loader_path`).
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import is_wheel, native_finding, once_per_cause, readable_files
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "fixed-search-path"
# Swift's run-time is searched there by every program of Apple's tools.
_USUAL = ("/usr/lib/swift", "/System/")


def _check(native: NativeMap) -> Iterator[Finding]:
    for distribution, files in readable_files(native):
        found: dict[str, dict[str, None]] = {}
        for file in files:
            for image in file.readable:
                for entry in (*image.rpath, *image.runpath):
                    if entry.startswith("/") and not entry.startswith(_USUAL):
                        found.setdefault(entry, {})[file.path] = None
        if found and is_wheel(distribution):
            yield native_finding(
                distribution,
                CODE,
                Severity.INFO,
                "searches fixed folders for libraries",
                evidence=[
                    Evidence(files=tuple(paths), says=(entry,))
                    for entry, paths in sorted(found.items())
                ],
                hint="remove the entries when the wheel is built (`patchelf --remove-rpath`,"
                " `install_name_tool -delete_rpath`)",
            )


RULE = NativeRule(code=CODE, severity=Severity.INFO, check=once_per_cause(_check), page=__doc__)
