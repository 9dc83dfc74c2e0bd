"""A file asks for a library that nobody provides.

Neither the distribution itself, nor one beside it, nor what the platform's policy lets a wheel
expect of the system: importing it fails with `cannot open shared object file`.

**Before**: `demo.so` needs `libgmp.so.10`, and the wheel was not repaired.

**After**: `auditwheel repair` (`delocate-wheel`, `delvewheel repair`) put a copy into the wheel, or
the user installs the system package, which the wheel declares (`Requires-External`).
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import links_found, native_finding
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.loading import Found

__all__ = ["RULE"]

CODE = "library-missing"


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement, distribution, wanted, links in links_found(native, Found.MISSING):
        yield native_finding(
            distribution,
            CODE,
            Severity.ERROR,
            f"nobody provides `{wanted}`",
            where=placement.layout.label,
            evidence=[Evidence(files=tuple(link.user for link in links))],
            hint="repair the wheel so that it brings the library, or install the system's package",
        )


RULE = NativeRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
