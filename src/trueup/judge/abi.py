"""On what evidence one build of a library may stand in for another.

- L0: the same bytes;
- L1: the same build: auditwheel's digest of the file as it was before, or equal code, exports and
  needs;
- L2: the same declared recipe, and everything that can be measured agrees;
- L3: the symbols that are used are there. Never enough by itself: LP64 and ILP64 builds of OpenBLAS
  export the same 15,163 symbols.

What contradicts (a witness, a size, a type) refuses, whatever was declared or asserted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trueup.judge.surface import exports_that_count, surface_digest
from trueup.model.abi import AbiDeclaration
from trueup.model.library import Image, Import, NativeFile, SymbolKind
from trueup.model.libraryname import parse_library_name

__all__ = ["Level", "Verdict", "compare", "unmet"]

TypeTable = Mapping[str, str]
"""Names of types, each with its layout as text, from debug information."""

_SHOWN = 3
_NEUTRAL = (SymbolKind.UNTYPED,)
_CALLED = (SymbolKind.FUNCTION, SymbolKind.INDIRECT)


class Level(StrEnum):
    """The evidence, from the surest to none."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"

    @property
    def words(self) -> str:
        return {
            Level.L0: "the same bytes",
            Level.L1: "the same build",
            Level.L2: "the same declared recipe, and all that is measured agrees",
            Level.L3: "only the symbols are satisfied",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The level that holds for two files; ``against`` is what contradicts, in words."""

    level: Level
    against: tuple[str, ...] = ()


def compare(
    kept: NativeFile,
    replaced: NativeFile,
    declared: AbiDeclaration | None,
    *,
    types: tuple[TypeTable, TypeTable] | None = None,
) -> Verdict:
    """May ``kept`` stand in for ``replaced``? ``declared`` is the recipe of both, if there is one.

    ``types`` are the type tables of both where both have debug information.
    """
    if kept.sha256 == replaced.sha256:
        return Verdict(level=Level.L0)
    if _same_build(kept, replaced):
        return Verdict(level=Level.L1)
    against = tuple(
        word
        for first, second in _pairs(kept, replaced)
        for word in (*_witnesses(first, second), *_sizes(first, second))
    )
    if types is not None:
        against += tuple(_layouts(*types))
    surfaces = all(surface_digest(a) == surface_digest(b) for a, b in _pairs(kept, replaced))
    if declared is not None and surfaces and not against:
        return Verdict(level=Level.L2)
    return Verdict(level=Level.L3, against=against)


def _pairs(kept: NativeFile, replaced: NativeFile) -> Iterator[tuple[Image, Image]]:
    for image in replaced.readable:
        for other in kept.readable:
            if other.machine == image.machine:
                yield other, image


def _same_build(kept: NativeFile, replaced: NativeFile) -> bool:
    names = parse_library_name(kept.filename), parse_library_name(replaced.filename)
    if names[0].stem == names[1].stem:
        digests = {name.digest for name in names} - {None}
        # auditwheel's digits are the beginning of the sha256 of the file that it copied.
        if names[0].digest is not None and names[0].digest == names[1].digest:
            return True
        if names[0].digest is None and any(kept.sha256.startswith(d) for d in digests if d):
            return True
    pairs = list(_pairs(kept, replaced))
    return bool(pairs) and all(
        first.core is not None
        and first.core == second.core
        and surface_digest(first) == surface_digest(second)
        for first, second in pairs
    )


def _witnesses(kept: Image, replaced: Image) -> Iterator[str]:
    """Compiled-in text that differs; what only one of them has is no contradiction by itself."""
    first = {(w.library, w.what): w.text for w in kept.witnesses}
    for witness in replaced.witnesses:
        key = (witness.library, witness.what)
        mine = {w.text for w in kept.witnesses if (w.library, w.what) == key}
        if key in first and witness.text not in mine:
            yield (
                f"the {witness.what} of {witness.library}: `{first[key]}` against `{witness.text}`"
            )
    flags = [
        {w.text for w in image.witnesses if w.what == "compile option"}
        for image in (kept, replaced)
    ]
    if flags[0] != flags[1] and all(flags):
        differ = ", ".join(f"`{text}`" for text in sorted(flags[0] ^ flags[1])[:_SHOWN])
        yield f"compile options: {differ}"


def _sizes(kept: Image, replaced: Image) -> Iterator[str]:
    """Data objects of another size: `blas_quick_divide_table` is all that tells LP64 from ILP64."""
    mine = {row[:2]: row for row in exports_that_count(kept)}
    for name, version, kind, size in exports_that_count(replaced):
        row = mine.get((name, version))
        if row is not None and size and row[3] and row[3] != size:
            yield f"the size of `{name}`: {row[3]} against {size} bytes"
        if row is not None and _other_kind(row[2], kind):
            yield f"the kind of `{name}`: {row[2]} against {kind}"


def _other_kind(first: str, second: str) -> bool:
    called = {kind.value for kind in _CALLED}
    neutral = {kind.value for kind in _NEUTRAL}
    if first == second or first in neutral or second in neutral:
        return False
    return not (first in called and second in called)


def _layouts(kept: TypeTable, replaced: TypeTable) -> Iterator[str]:
    """Types of one name and another layout."""
    for name in sorted(kept.keys() & replaced.keys()):
        if kept[name] != replaced[name]:
            yield f"the layout of `{name}`: {kept[name]} against {replaced[name]}"


def unmet(provider: Image, wanted: Iterable[Import]) -> tuple[str, ...]:
    """The symbols that a user takes and the provider lacks, or offers otherwise, in words.

    Only symbols that the replaced library offered are to be given.
    """
    found: list[str] = []
    for symbol in wanted:
        offers = provider.exported.get(symbol.name, ())
        if not offers:
            if not symbol.weak:
                found.append(f"`{symbol.name}` is missing")
        elif symbol.version is not None and all(one.version != symbol.version for one in offers):
            found.append(f"`{symbol.name}` has no version `{symbol.version}`")
        elif all(_other_kind(one.kind.value, symbol.kind.value) for one in offers):
            found.append(f"`{symbol.name}` is {offers[0].kind.value}, not {symbol.kind.value}")
    return tuple(found)
