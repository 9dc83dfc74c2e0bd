"""The form of an upload, taken apart as it arrives: fields into memory, the file onto the disk.

The bytes are hashed on the way, once, and nothing grows with the size of the file. A thread hashes
and writes what has arrived while more arrives. Source: the
legacy upload API as twine, uv and flit speak it (fields may come before or after the file).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from trueup.features.serve.receive import RefusedError, TooLargeError
from trueup.sources.limits import size_text

__all__ = ["Form", "read_form"]

_MOST_FIELDS = 2_000
_MOST_FIELD_BYTES = 4 * 1024 * 1024
_BATCH = 1024 * 1024
"""So many bytes are written at once; twice as many are in memory."""


class FullError(RefusedError):
    """The disk takes nothing more."""

    status = 507


@dataclass(kw_only=True)
class Form:
    """The fields, each with all its values, and the file: where it lies, its name and digest."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    path: Path | None = None
    filename: str | None = None
    size: int = 0
    sha256: str = ""

    def first(self, name: str) -> str:
        """The first value of a field, empty if there is none."""
        return next(iter(self.fields.get(name, ())), "")


class _Receiver:
    """What the parser calls."""

    def __init__(self, form: Form, folder: Path, limit: Callable[[str], int]) -> None:
        self._form = form
        self._folder = folder
        self._limit_of = limit
        self._limit = 0
        self._header = b""
        self._value = b""
        self._name = ""
        self._is_file = False
        self._data = bytearray()
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self._parts: list[bytes] = []
        self.waiting = 0
        self._whole = False
        self._in_fields = 0
        self._count = 0

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._header_end,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._name, self._is_file, self._data = "", False, bytearray()
        self._count += 1
        if self._count > _MOST_FIELDS:
            raise TooLargeError(
                "the form has too many fields", expected=f"at most {_MOST_FIELDS:,}"
            )

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in options:
                self._is_file = True
                self._open(options[b"filename"].decode("utf-8", "replace"))
        self._header = self._value = b""

    def _open(self, filename: str) -> None:
        if self._file is not None or self._form.path is not None:
            raise RefusedError("the form has more than one file")
        if filename != os.path.basename(filename) or "\\" in filename or not filename:  # noqa: PTH119
            raise RefusedError("the file has a name with a folder in it", found=f"`{filename}`")
        self._limit = self._limit_of(filename)
        self._form.filename = filename
        self._form.path = self._folder / "upload"
        try:
            self._file = self._form.path.open("xb", buffering=0)
        except OSError as error:
            raise self._full(error) from error

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None or not self._is_file:
            self._in_fields += end - start
            if self._in_fields > _MOST_FIELD_BYTES:
                raise TooLargeError(
                    "the fields of the form are too large",
                    expected=f"at most {size_text(_MOST_FIELD_BYTES)}",
                )
            self._data += data[start:end]
            return
        part = data[start:end]
        self._form.size += len(part)
        if self._form.size > self._limit:
            raise TooLargeError(
                f"`{self._form.filename}` is too large",
                expected=f"at most {size_text(self._limit)}",
            )
        self._parts.append(part)
        self.waiting += len(part)

    def take(self) -> list[bytes]:
        """What arrived of the file since the last time, to be kept."""
        found, self._parts, self.waiting = self._parts, [], 0
        return found

    def keep(self, parts: list[bytes]) -> None:
        """Hash and write; raises FullError. In any thread, one call after the other."""
        if self._file is None:
            return
        try:
            for part in parts:
                self._digest.update(part)
                left = memoryview(part)
                while left:
                    left = left[self._file.write(left) :]
            _begin_writing(self._file, sum(map(len, parts)))
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> FullError:
        return FullError(
            f"`{self._form.filename}` cannot be kept: {error.strerror or error}",
            hint="nothing of it was kept; the index needs space on its disk",
        )

    def _end(self) -> None:
        if self._is_file:
            self._whole = True
        elif self._name:
            text = bytes(self._data).decode("utf-8", "replace")
            self._form.fields.setdefault(self._name, []).append(text)

    def finish(self) -> None:
        """After the last part is kept: whether there was a file, and what its digest is."""
        if self._whole:
            self._form.sha256 = self._digest.hexdigest()

    def close(self) -> None:
        if self._file is not None:
            # Nothing is left to be written.
            with suppress(OSError):
                self._file.close()


def _begin_writing(file: BinaryIO, size: int) -> None:
    """Have what was written last begin its way to the disk: less is left to wait for at the end."""
    if sys.platform == "linux" and size:
        os.posix_fadvise(file.fileno(), file.tell() - size, size, os.POSIX_FADV_DONTNEED)


async def read_form(
    chunks: AsyncIterator[bytes], content_type: str, folder: Path, *, limit: Callable[[str], int]
) -> Form:
    """Take the form apart while it arrives; the file lies in ``folder`` afterwards.

    ``limit`` tells how many bytes a file of that name may have, or refuses the name. Raises
    RefusedError for what is no such form, TooLargeError for a file that is larger.
    """
    kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise RefusedError(
            "is no upload", found=f"`{content_type}`", expected="`multipart/form-data`"
        )
    form = Form()
    receiver = _Receiver(form, folder, limit)
    try:
        parser = MultipartParser(boundary, receiver.callbacks())  # type: ignore[arg-type]
    except ValueError as error:
        raise RefusedError(f"the form is malformed: {error}") from error
    writing: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            try:
                parser.write(chunk)
            except ValueError as error:
                raise RefusedError(f"the form is malformed: {error}") from error
            if receiver.waiting >= _BATCH:
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(run_in_threadpool(receiver.keep, receiver.take()))
        parser.finalize()
        if writing is not None:
            await writing
        await run_in_threadpool(receiver.keep, receiver.take())
        receiver.finish()
    finally:
        await _end(writing, receiver)
    if form.path is not None and not form.sha256:
        raise RefusedError("the form ends before the file does")
    return form


async def _end(writing: asyncio.Future[None] | None, receiver: _Receiver) -> None:
    """Close the file, but not while it is written to."""
    try:
        if writing is not None:
            with suppress(FullError):
                await writing
    finally:
        receiver.close()
