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
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

from trueup.judge.native import NativeMap, Placement
from trueup.judge.nativefinding import names_words, native_finding, once_per_cause
from trueup.judge.rule import NativeRule
from trueup.judge.surface import is_noise
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import BinaryFormat, Image, Import
from trueup.model.loading import Closure

__all__ = ["RULE"]

CODE = "two-exporters"
_Pair: TypeAlias = tuple[str, str]
_RUN_TIME = ("_ZSt", "_ZNSt", "_ZNKSt", "_ZTISt", "_ZTSSt", "_ZTVSt", "__cxa_", "_Unwind_")
"""Parts of the C++ run-time that compilers link into whatever needs a newer one; all are alike."""


@dataclass(kw_only=True)
class _Lookup:
    """Symbols of one environment; what two images have in common is worked out once."""

    placement: Placement
    imports: dict[tuple[str, str], dict[str, Import]] = field(default_factory=dict)
    common: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)

    def image(self, path: str, machine: str) -> Image:
        image = self.placement.tree.image(path, machine)
        assert image is not None, "a closure holds images of its machine only"
        return image

    def imported(self, path: str, machine: str) -> dict[str, Import]:
        key = (path, machine)
        if key not in self.imports:
            self.imports[key] = {one.name: one for one in self.image(path, machine).imports}
        return self.imports[key]

    def shared(self, first: str, second: str, machine: str) -> frozenset[str]:
        """What both export, but noise and what is weak in both."""
        key = (min(first, second), max(first, second), machine)
        if key not in self.common:
            one, other = self.image(first, machine), self.image(second, machine)
            self.common[key] = frozenset(
                name
                for name in one.exported.keys() & other.exported.keys()
                if not is_noise(name)
                and not name.startswith(_RUN_TIME)
                and not all(e.weak for image in (one, other) for e in image.exported[name])
            )
        return self.common[key]

    def clashes(self, closure: Closure) -> Iterator[tuple[_Pair, frozenset[str]]]:
        """(The one that is taken, the one that is not), and the symbols used."""
        machine = closure.machine
        for first, second in combinations(closure.order, 2):
            shared = self.shared(first, second, machine)
            if not shared:
                continue
            images = self.image(first, machine), self.image(second, machine)
            used = frozenset(
                name
                for path in closure.order
                for name in shared & self.imported(path, machine).keys()
                if all(_answers(one, self.imported(path, machine)[name]) for one in images)
            )
            if used:
                yield (first, second), used


def _answers(image: Image, wanted: Import) -> bool:
    """Whether an image's symbol of that name satisfies the version that is asked for."""
    for export in image.exported[wanted.name]:
        if wanted.version is None:
            if export.version is None or export.default:
                return True
        elif export.version == wanted.version or not image.defines_versions:
            return True
    return False


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement in native.placements:
        lookup = _Lookup(placement=placement)
        found: dict[frozenset[str], dict[str, dict[str, None]]] = {}
        entries: dict[frozenset[str], str] = {}
        for closure in placement.closures:
            if lookup.image(closure.entry, closure.machine).format is not BinaryFormat.ELF:
                continue
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
