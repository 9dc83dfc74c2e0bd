"""Symbols that two images of one closure export: which of them is used depends on the order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trueup.judge.loader import Tree
from trueup.judge.surface import NOISE
from trueup.model.library import BinaryFormat
from trueup.model.loading import Closure

__all__ = ["double_exports"]

_LEAKED = ("__bid_", "__dpd_", "__bfp", "__gcov_", "_ZGV")


def double_exports(tree: Tree, closure: Closure) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """The symbols that something in the closure wants and several of its files export, by files.

    Only ELF looks symbols up through the whole closure, breadth first. A symbol whose exporters
    are all weak is meant to be there many times (C++ inline functions).
    """
    exporters: dict[str, list[str]] = {}
    strong: set[str] = set()
    wanted: set[str] = set()
    for path in closure.order:
        image = tree.image(path, closure.machine)
        if image is None or image.format is not BinaryFormat.ELF:
            continue
        for name, versions in image.exported.items():
            exporters.setdefault(name, []).append(path)
            if not all(one.weak for one in versions):
                strong.add(name)
        wanted.update(one.name for one in image.imports)
    found: dict[tuple[str, ...], list[str]] = {}
    for name in _counting(wanted & strong):
        files = exporters[name]
        if len(files) > 1:
            found.setdefault(tuple(files), []).append(name)
    return {files: tuple(names) for files, names in found.items()}


def _counting(names: set[str]) -> Iterator[str]:
    for name in sorted(names):
        if name not in NOISE and not name.startswith(_LEAKED):
            yield name
