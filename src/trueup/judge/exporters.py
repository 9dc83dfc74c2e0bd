"""Symbols that two images of one closure export: which of them is used depends on the order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

from trueup.judge.native import Placement
from trueup.judge.surface import is_noise
from trueup.model.library import BinaryFormat, Image, Import
from trueup.model.loading import Closure

__all__ = ["Lookup"]

_Pair: TypeAlias = tuple[str, str]
_RUN_TIME = ("_ZSt", "_ZNSt", "_ZNKSt", "_ZTISt", "_ZTSSt", "_ZTVSt", "__cxa_", "_Unwind_")
"""Parts of the C++ run-time that compilers link into whatever needs a newer one; all are alike."""


@dataclass(kw_only=True)
class Lookup:
    """Symbols of one environment; what two images have in common is worked out once.

    Only ELF looks a symbol up by its name in all that is loaded together, in loading order.
    """

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
        if self.image(closure.entry, machine).format is not BinaryFormat.ELF:
            return
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
