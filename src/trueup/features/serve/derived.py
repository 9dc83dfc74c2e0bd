"""Derived wheels: other metadata over the same payload, kept as recipes over the original's bytes.

A wheel may be derived from a derived one, where a view wraps a view: its recipe is then brought down
to the original's bytes, so that nothing but those must be kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

import msgspec

from trueup.model.artifact import Artifact, WheelName, parse_filename
from trueup.model.document import Document, parse_document
from trueup.model.errors import ArchiveError, SourceError, TrueupError
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.sources.recipe import Literal, Range, Recipe, Segment, joined
from trueup.sources.rewrite import Wheel
from trueup.sources.store.blobs import Blobs, blob_file
from trueup.sources.store.store import Store

__all__ = [
    "DerivedFile",
    "Opened",
    "RecipeFile",
    "Workshop",
    "composed",
    "recipe_bytes",
    "recipe_of",
    "sliced",
]

_REVISIONS = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedFile:
    """A derived wheel as a page lists it: ``of`` is the file that it was made from there, ``metadata``
    the sha256 of its METADATA, ``requires_python`` what the page says.
    """

    filename: str
    of: str
    sha256: str
    size: int
    metadata: str
    requires_python: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that can be read at any place: the bytes of ``base`` as ``recipe`` orders them.

    ``recipe`` is None where the file is a blob itself.
    """

    file: BinaryIO
    base: str
    recipe: Recipe | None = None


class Originals(Protocol):
    """Where the bytes are that derived wheels are made of."""

    blobs: Blobs

    def keep(self, sha256: str) -> None:
        """Fetch a file of the index behind, if it is not here; raises SourceError."""
        ...


class Workshop:
    """Makes derived wheels out of the files of an index."""

    def __init__(self, store: Store, originals: Originals) -> None:
        self._store = store
        self._originals = originals

    def open(self, artifact: Artifact) -> Opened:
        """A file of a page: one that was uploaded, fetched, or derived; raises TrueupError."""
        sha256 = artifact.hashes.get("sha256")
        if sha256 is None:
            raise SourceError("has no sha256 on its page", place=(artifact.filename,))
        row = self._store.derived(sha256)
        if row is None:
            return Opened(file=self._blob(sha256, artifact.filename), base=sha256)
        recipe = recipe_of(row.recipe)
        base = self._blob(row.original, artifact.filename)
        file = cast(BinaryIO, RecipeFile(recipe, base))
        return Opened(file=file, base=row.original, recipe=recipe)

    def _blob(self, sha256: str, filename: str) -> BinaryIO:
        self._originals.keep(sha256)
        size = self._originals.blobs.size(sha256)
        if size is None:
            raise TrueupError("the original of a derived wheel is gone", place=(filename,))
        return blob_file(self._originals.blobs, sha256, size)

    def derive(
        self,
        artifact: Artifact,
        wheel: Wheel,
        opened: Opened,
        files: Mapping[str, bytes | None],
        label: str,
        *,
        taken: Collection[str] = (),
    ) -> DerivedFile:
        """The wheel with these files in its dist-info (None: without), made now or kept from before.

        Its build tag is the original's with the label; where the same original was derived to other
        bytes under that tag before, or that name is ``taken``, a later one. Raises TrueupError if tools would read its METADATA
        differently than it is meant.
        """
        metadata = files["METADATA"]
        assert metadata is not None
        check_exact(parse_document(metadata), artifact.filename)
        header = parse_document(wheel.read("WHEEL") or b"")
        for revision in range(1, _REVISIONS + 1):
            build = build_of(artifact, label if revision == 1 else f"{label}{revision:02}")
            changed = {**files, "WHEEL": bytes(header.with_values("build", [build]))}
            recipe = wheel.rewrite(changed).recipe
            kept = recipe if opened.recipe is None else composed(recipe, opened.recipe)
            filename = with_build(artifact.filename, build)
            if filename in taken:
                continue
            known = self._store.derived_as(opened.base, filename)
            data = recipe_bytes(kept)
            if known is not None and bytes(known.recipe) != data:
                continue
            if known is None:
                sha256 = _digest(recipe, opened.file)
                self._store.keep_derived(
                    sha256=sha256,
                    original=opened.base,
                    filename=filename,
                    size=kept.size,
                    recipe=data,
                    core_metadata=metadata,
                )
            return DerivedFile(
                filename=filename,
                of=artifact.filename,
                sha256=sha256 if known is None else known.sha256,
                size=kept.size,
                metadata=hashlib.sha256(metadata).hexdigest(),
                requires_python=_requires_python(metadata),
            )
        raise TrueupError(
            "was corrected too often", hint="upload a new release", place=(artifact.filename,)
        )


def _digest(recipe: Recipe, file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for chunk in recipe.render(file):
        digest.update(chunk)
    return digest.hexdigest()


def _requires_python(metadata: bytes) -> str | None:
    parsed = parse_metadata(metadata)
    return None if isinstance(parsed, Unreadable) else parsed.first("requires-python")


def check_exact(document: Document, filename: str) -> None:
    """What is read from a new text is what was meant; only odd files can fail here."""
    parsed = parse_metadata(bytes(document))
    meant = [
        (header.name, header.value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        for header in document.headers
    ]
    if isinstance(parsed, Unreadable) or list(parsed.headers) != meant:
        raise ArchiveError(
            "its METADATA is too irregular to be changed: tools would read the result differently",
            hint="build the file again",
            place=(filename,),
        )


def build_of(original: Artifact, label: str) -> str:
    """A build tag above the original's own (PEP 427: a number, then text)."""
    name = original.name
    assert isinstance(name, WheelName)
    number, text = name.build or (1, "")
    return f"{number}{text}{label}"


def with_build(original: str, build: str) -> str:
    """A wheel's file name with another build tag."""
    name = parse_filename(original)
    parts = original.split("-")
    rest = parts[3:] if isinstance(name, WheelName) and name.build else parts[2:]
    return "-".join([*parts[:2], build, *rest])


# --- recipes --------------------------------------------------------------------------------------


def sliced(recipe: Recipe, start: int, end: int) -> Recipe:
    """The recipe of the bytes from ``start`` to before ``end``; what is beyond the file is left out."""
    return Recipe(segments=tuple(_sliced(recipe.segments, start, end)))


def _sliced(segments: Iterable[Segment], start: int, end: int) -> Iterator[Segment]:
    at = 0
    for segment in segments:
        first, last = max(start - at, 0), min(end - at, segment.size)
        at += segment.size
        if first < last:
            match segment:
                case Literal(data=data):
                    yield Literal(data=data[first:last])
                case Range(start=begin):
                    yield Range(start=begin + first, end=begin + last)
                case _:
                    raise ValueError("a recipe with scratch files cannot be cut")
        if at >= end:
            return


def composed(outer: Recipe, inner: Recipe) -> Recipe:
    """The recipe, over the original of ``inner``, of what ``outer`` makes of ``inner``'s file."""
    found: list[Segment] = []
    for segment in outer.segments:
        if isinstance(segment, Range):
            found += sliced(inner, segment.start, segment.end).segments
        else:
            found.append(segment)
    return joined(found)


class RecipeFile:
    """The file that a recipe makes, read without making it; just enough of a file for `zipfile`."""

    def __init__(self, recipe: Recipe, base: BinaryIO) -> None:
        self._recipe, self._base, self._at = recipe, base, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._recipe.size)[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._recipe.size if size < 0 else min(self._recipe.size, self._at + size)
        data = b"".join(sliced(self._recipe, self._at, end).render(self._base))
        self._at += len(data)
        return data


_Part = tuple[int, int] | bytes


def recipe_bytes(recipe: Recipe) -> bytes:
    """A recipe as it is kept: ranges of the original and literal bytes, in order."""
    parts: list[_Part] = []
    for segment in recipe.segments:
        match segment:
            case Range(start=start, end=end):
                parts.append((start, end))
            case Literal(data=data):
                parts.append(data)
            case _:
                raise ValueError("a recipe with scratch files cannot be kept")
    return msgspec.msgpack.encode(parts)


def recipe_of(data: bytes) -> Recipe:
    """A kept recipe."""
    return Recipe(segments=tuple(_segments(msgspec.msgpack.decode(data))))


def _segments(parts: Iterable[object]) -> Iterator[Range | Literal]:
    for part in parts:
        if isinstance(part, bytes):
            yield Literal(data=part)
        else:
            assert isinstance(part, list)
            yield Range(start=int(part[0]), end=int(part[1]))
