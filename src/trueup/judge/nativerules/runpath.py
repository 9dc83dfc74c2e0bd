"""A bundled library is found through DT_RUNPATH, so a user's LD_LIBRARY_PATH goes first.

glibc's loader searches DT_RPATH before LD_LIBRARY_PATH and DT_RUNPATH after it. Where the variable
is set (modules on a cluster, CUDA, ROS), another library of the same name is taken. A name with a
repair tool's digest has no namesake and is not told of. musl's loader makes no difference between
the two.

**Before**: `RUNPATH $ORIGIN/../demo.libs` and `NEEDED libgmp.so.10`.

**After**: `RPATH $ORIGIN/../demo.libs` (linked with `-Wl,--disable-new-dtags`, or
`patchelf --force-rpath`), or a unique name.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import (
    is_product,
    names_words,
    native_finding,
    once_per_cause,
)
from trueup.judge.rule import NativeRule
from trueup.judge.systempackages import is_well_known
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import Distribution
from trueup.model.libraryname import parse_library_name
from trueup.model.loading import Found, Link

__all__ = ["RULE"]

CODE = "runpath"


def _check(native: NativeMap) -> Iterator[Finding]:
    found: dict[tuple[str, int], tuple[Distribution, dict[str, list[Link]]]] = {}
    for number, placement in enumerate(native.placements):
        if placement.tree.musl:
            continue
        for link in (link for links in placement.users.values() for link in links):
            if link.found is Found.RUNPATH and parse_library_name(link.wanted).digest is None:
                owner = placement.owner(link.user)
                wanted = found.setdefault((owner.project, number), (owner, {}))[1]
                wanted.setdefault(link.wanted, []).append(link)
    for (_, number), (owner, wanted) in found.items():
        known = {name for name in wanted if is_well_known(name)}
        grave = bool(known) and not is_product(owner)
        yield native_finding(
            owner,
            CODE,
            Severity.WARNING if grave else Severity.INFO,
            f"LD_LIBRARY_PATH goes before the copy of {names_words(sorted(known or wanted))}",
            where=native.placements[number].layout.label,
            evidence=[
                Evidence(files=(links[0].path or "",), says=(f"through {links[0].through}",))
                for name, links in sorted(wanted.items())
                if name in (known or wanted)
            ],
            hint="use DT_RPATH (`-Wl,--disable-new-dtags`, `patchelf --force-rpath`)",
        )


RULE = NativeRule(code=CODE, severity=Severity.WARNING, check=once_per_cause(_check), page=__doc__)
