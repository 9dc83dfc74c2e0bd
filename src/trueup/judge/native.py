"""The native files of distributions, and what rules ask of them, computed once and when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from trueup.judge.layouts import layouts_of
from trueup.judge.loader import Tree, closures, tree_of
from trueup.model.library import Distribution, Image, NativeFile
from trueup.model.loading import Closure, Layout, Link
from trueup.model.nativereport import LoadedMap

__all__ = ["NativeMap", "Placement", "native_map"]


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One layout, its files as the loader sees them, and what it makes of them."""

    layout: Layout
    library_path: tuple[str, ...] = ()

    @cached_property
    def tree(self) -> Tree:
        return tree_of(self.layout, self.library_path)

    @cached_property
    def closures(self) -> tuple[Closure, ...]:
        return closures(self.tree)

    @cached_property
    def by_project(self) -> Mapping[str, Distribution]:
        return {item.project: item for item in self.layout.distributions}

    @cached_property
    def loaded(self) -> LoadedMap:
        """What a report shows of it."""
        return LoadedMap(layout=self.layout, closures=self.closures)

    @property
    def users(self) -> Mapping[str, tuple[Link, ...]]:
        """The links that lead to each copy, by its path; each once."""
        return self.loaded.users

    def owner(self, path: str) -> Distribution:
        """The distribution that brings a file."""
        return self.by_project[self.tree.owners[path]]

    def images(self) -> Iterator[tuple[Distribution, NativeFile, Image]]:
        """Every image that is there, in the order of the layout."""
        for path, file in self.tree.files.items():
            for image in file.readable:
                yield self.owner(path), file, image


@dataclass(frozen=True, kw_only=True)
class NativeMap:
    """Distributions, and the environments that they form."""

    distributions: tuple[Distribution, ...]
    placements: tuple[Placement, ...]

    def files(self) -> Iterator[tuple[Distribution, NativeFile]]:
        """Every file of every distribution, whether or not it has a place in a layout."""
        for distribution in self.distributions:
            for file in distribution.files:
                yield distribution, file


def native_map(
    distributions: Sequence[Distribution],
    *,
    layouts: Sequence[Layout] | None = None,
    library_path: Sequence[str] = (),
) -> NativeMap:
    """Lay distributions out: as told, or in every way in which wheels can stand side by side."""
    chosen = layouts_of(distributions) if layouts is None else layouts
    return NativeMap(
        distributions=tuple(distributions),
        placements=tuple(
            Placement(layout=layout, library_path=tuple(library_path)) for layout in chosen
        ),
    )
