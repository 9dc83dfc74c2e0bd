"""What a distribution takes from the libraries that it was made against."""

from __future__ import annotations

from collections.abc import Mapping

from trueup.judge.native import Placement
from trueup.judge.surface import surface_digest
from trueup.model.library import Distribution, NativeFile
from trueup.model.loading import Layout
from trueup.model.nativelib import Provided

__all__ = ["provided", "symbols_taken"]


def symbols_taken(distribution: Distribution) -> Mapping[str, tuple[str, ...]]:
    """For each library of a distribution, by path: the symbols that its other files take from it.

    A symbol counts if a file asks for the library by name, imports the symbol, and the library
    exports it.
    """
    layout = Layout(label="", distributions=(distribution,))
    placement = Placement(layout=layout)
    taken: dict[str, set[str]] = {}
    for path, links in placement.users.items():
        for link in links:
            for image in placement.tree.files[link.user].readable:
                provider = placement.tree.image(path, image.machine)
                if provider is not None:
                    wanted = {one.name for one in image.imports}
                    taken.setdefault(path, set()).update(wanted & provider.exported.keys())
    return {path: tuple(sorted(names)) for path, names in taken.items()}


def provided(
    file: NativeFile,
    path: str,
    *,
    sha256: str | None = None,
    name: str | None = None,
    level: str | None = None,
    abi: str | None = None,
) -> Provided:
    """What is recorded of a library that is brought for others, at its new path.

    ``sha256`` and ``name`` are those of the file as it is brought, where it was changed on the
    way.
    """
    images = file.readable
    first = images[0] if images else None
    return Provided(
        path=path,
        name=name or (first.name if first else None),
        sha256=sha256 or file.sha256,
        size=file.size,
        build_id=first.build_id if first else None,
        surface=surface_digest(first) if first else None,
        core=first.core if first else None,
        says=tuple(dict.fromkeys(w.text for image in images for w in image.witnesses)),
        level=level,
        abi=abi,
    )
