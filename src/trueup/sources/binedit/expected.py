"""What an edit of names must come to, and that it did: the result is read again and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trueup.model.errors import ArchiveError
from trueup.model.library import Image
from trueup.model.metadata import Unreadable

__all__ = ["Images", "insist", "renamed"]

Images = tuple[Image, ...] | Unreadable


def renamed(image: Image, name: str | None, new_name: Callable[[str], str]) -> Image:
    """The image with another name of its own (None keeps it) and other names of libraries."""
    return replace(
        image,
        name=image.name if name is None else name,
        needed=tuple(dict.fromkeys(map(new_name, image.needed))),
        optional=frozenset(map(new_name, image.optional)),
        imports=tuple(
            one._replace(source=None if one.source is None else new_name(one.source))
            for one in image.imports
        ),
    )


def insist(expected: tuple[Image, ...], found: Images) -> None:
    """Raise ArchiveError unless the images are equal in everything but padding.

    That they have the same core says that no section changed.
    """
    if isinstance(found, Unreadable):
        raise ArchiveError(f"could not be edited: the result {found.reason}")
    for one, other in zip(expected, found, strict=True):
        if replace(one, padding=0) != replace(other, padding=0):
            fields = [name for name in _FIELDS if getattr(one, name) != getattr(other, name)]
            raise ArchiveError(
                f"could not be edited: the result differs in {', '.join(fields)}",
                hint="please report it, with the file",
            )


_FIELDS = tuple(name for name in Image.__dataclass_fields__ if name != "padding")
