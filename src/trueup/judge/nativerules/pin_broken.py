"""A library is not the one that a distribution was made against.

`nativelib.json` in its dist-info folder names the file and its sha256. A version pin cannot say
that: another build of the same version satisfies it, and may have another interface.

**Before**: `flint` was made against `libgmp-a565964f.so.10` of `nl-gmp-a565964fbf81` 6.3.0, and a
file with other bytes is there, or none.

**After**: the wheel that was recorded is installed again, or both are made anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap, Placement
from trueup.judge.nativefinding import native_finding
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.nativelib import Expected

__all__ = ["RULE"]

CODE = "pin-broken"


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement in native.placements:
        for distribution in placement.layout.distributions:
            expects = distribution.nativelib.expects if distribution.nativelib else ()
            for expected in expects:
                if distribution.size is not None and expected.project not in placement.by_project:
                    continue  # a wheel by itself: its requirement brings the other one
                wrong = _wrong(placement, expected)
                if wrong is not None:
                    yield native_finding(
                        distribution,
                        CODE,
                        Severity.ERROR,
                        f"`{expected.path}` {wrong}",
                        where=placement.layout.label,
                        evidence=[
                            Evidence(
                                files=(distribution.filename,),
                                says=(f"expects sha256 {expected.sha256}",),
                            )
                        ],
                        hint=f"install {expected.project}=={expected.version} again, from where "
                        "it was",
                    )


def _wrong(placement: Placement, expected: Expected) -> str | None:
    """What is wrong with the library that was expected; None if it is the very one."""
    owner = placement.by_project.get(expected.project)
    if owner is None:
        return f"is missing: {expected.project} is not there"
    if str(owner.version) != expected.version:
        return f"is of {owner.label}, and {expected.version} was expected"
    file = placement.tree.files.get(expected.path)
    if file is None:
        return f"is missing, though {owner.label} is there"
    if file.sha256 != expected.sha256:
        return f"has other bytes: sha256 {file.sha256}"
    return None


RULE = NativeRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
