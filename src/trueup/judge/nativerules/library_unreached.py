"""A file asks for a library that is there, and no search path leads to it.

It works only if Python code loads the library first (`ctypes`, an import of the other package), so
it depends on the order of imports, and on the name of the library being the one that is asked for.

**Before**: `a.so` needs `libb.so`, which lies in another package's folder, without an RPATH.

**After**: the RPATH is `$ORIGIN/../b.libs`, or the package loads it itself and says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import links_found, native_finding, once_per_cause
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.loading import Found

__all__ = ["RULE"]

CODE = "library-unreached"


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement, distribution, wanted, links in links_found(native, Found.ELSEWHERE):
        copies = tuple(dict.fromkeys(link.path for link in links if link.path is not None))
        owners = {placement.owner(path).project for path in copies}
        own = owners == {distribution.project}
        yield native_finding(
            distribution,
            CODE,
            Severity.WARNING,
            f"no search path leads to `{wanted}`",
            where=placement.layout.label,
            evidence=[
                Evidence(files=tuple(link.user for link in links), says=("asks for it",)),
                Evidence(files=copies, says=("is there",)),
            ],
            hint="it is found only if "
            + (
                "the package's own Python code loads it first"
                if own
                else f"`{min(owners)}` was imported before and has loaded it"
            ),
        )


RULE = NativeRule(code=CODE, severity=Severity.WARNING, check=once_per_cause(_check), page=__doc__)
