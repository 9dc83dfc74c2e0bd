"""Two libraries that are loaded together export the same symbol, and somebody uses it.

ELF looks a symbol up by name in all that came with the extension module, in loading order, so the
first library that has it serves everyone: also those who were built against the second. Which is
first may depend on what is imported first. Mach-O (two-level namespace) and PE bind a symbol to
the library it was linked with and are free of this. Inline code of C++ (weak in both) and parts of
its run-time are left out.

**Before**: `libblosc.so` carries a copy of zstd whose symbols are visible, `libzstd.so` is there
too, and the extension module calls `ZSTD_compress`.

**After**: the copy is linked with `-Wl,--exclude-libs,ALL`, or there is one zstd that both use.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.exporters import Lookup
from trueup.judge.native import NativeMap, Placement
from trueup.judge.nativefinding import names_words, native_finding, once_per_cause
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "two-exporters"


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement in native.placements:
        lookup = Lookup(placement=placement)
        found: dict[frozenset[str], dict[str, dict[str, None]]] = {}
        entries: dict[frozenset[str], str] = {}
        for closure in placement.closures:
            for pair, used in lookup.clashes(closure):
                serves = found.setdefault(frozenset(pair), {}).setdefault(pair[0], {})
                serves.update(dict.fromkeys(sorted(used)))
                entries.setdefault(frozenset(pair), closure.entry)
        for both, taken in found.items():
            yield _finding(placement, sorted(both), taken, entries[both])


def _finding(
    placement: Placement, both: list[str], taken: dict[str, dict[str, None]], entry: str
) -> Finding:
    names = names_words(placement.tree.files[path].filename for path in both)
    evidence = []
    for path in both:
        symbols = taken.get(path)
        says = "the other one serves instead"
        if symbols:
            word = "symbol" if len(symbols) == 1 else "symbols"
            says = f"serves {len(symbols)} {word}: {names_words(symbols)}"
        evidence.append(Evidence(files=(path,), says=(says,)))
    either = "; which one serves depends on the module that is imported" if len(taken) > 1 else ""
    return native_finding(
        placement.owner(entry),
        CODE,
        Severity.WARNING,
        f"{names} are loaded together and export the same symbols{either}",
        where=placement.layout.label,
        evidence=evidence,
        hint="hide the symbols of one (`-Wl,--exclude-libs,ALL`, a version script),"
        " or let all use one copy",
    )


RULE = NativeRule(code=CODE, severity=Severity.WARNING, check=once_per_cause(_check), page=__doc__)
