"""The form of an upload, taken apart as it arrives: fields into memory, the file onto the disk.

The bytes are hashed on the way, once, and nothing grows with the size of the file. Source: the
legacy upload API as twine, uv and flit speak it (fields may come before or after the file).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.multipart import MultipartParser, parse_options_header

from trueup.features.serve.receive import RefusedError
from trueup.sources.limits import size_text

__all__ = ["Form", "TooLargeError", "read_form"]

_MOST_FIELDS = 2_000
_MOST_FIELD_BYTES = 4 * 1024 * 1024


class TooLargeError(RefusedError):
    """More than the index takes."""

    status = 413


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

    def __init__(self, form: Form, folder: Path, limit: int) -> None:
        self._form = form
        self._folder = folder
        self._limit = limit
        self._header = b""
        self._value = b""
        self._name = ""
        self._is_file = False
        self._data = bytearray()
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
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
        self._form.filename = filename
        self._form.path = self._folder / "upload"
        try:
            self._file = self._form.path.open("xb")
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
        self._digest.update(part)
        try:
            self._file.write(part)
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> FullError:
        return FullError(
            f"`{self._form.filename}` cannot be kept: {error.strerror or error}",
            hint="nothing of it was kept; the index needs space on its disk",
        )

    def _end(self) -> None:
        if self._is_file and self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                raise self._full(error) from error
            self._form.sha256 = self._digest.hexdigest()
        elif self._name:
            text = bytes(self._data).decode("utf-8", "replace")
            self._form.fields.setdefault(self._name, []).append(text)

    def close(self) -> None:
        if self._file is not None:
            # What could not be written cannot be written now either; the reason was given before.
            with suppress(OSError):
                self._file.close()


async def read_form(
    chunks: AsyncIterator[bytes], content_type: str, folder: Path, *, limit: int
) -> Form:
    """Take the form apart while it arrives; the file lies in ``folder`` afterwards.

    Raises RefusedError for what is no such form, TooLargeError for a file above ``limit`` bytes.
    """
    kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise RefusedError(
            "is no upload", found=f"`{content_type}`", expected="`multipart/form-data`"
        )
    form = Form()
    receiver = _Receiver(form, folder, limit)
    parser = MultipartParser(boundary, receiver.callbacks())  # type: ignore[arg-type]
    try:
        async for chunk in chunks:
            try:
                parser.write(chunk)
            except ValueError as error:
                raise RefusedError(f"the form is malformed: {error}") from error
        parser.finalize()
    finally:
        receiver.close()
    if form.path is not None and not form.sha256:
        raise RefusedError("the form ends before the file does")
    return form
