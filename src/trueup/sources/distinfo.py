"""An unpacked or installed `*.dist-info` folder, rewritten in place with its RECORD kept right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trueup.model.errors import ArchiveError, NotFoundError, SourceError
from trueup.model.record import parse_record
from trueup.sources.limits import Limits, check_size
from trueup.sources.output import replacing
from trueup.sources.rewrite import SIGNATURES

__all__ = ["DistInfo"]

_LIMITS = Limits()


class DistInfo:
    """One `*.dist-info` folder. Raises NotFoundError if there is no METADATA in it.

    RECORD may be missing: some distributions remove it from what they install.
    """

    def __init__(self, path: Path, *, limits: Limits = _LIMITS) -> None:
        self.path = path
        self._limits = limits
        if self.read("METADATA") is None:
            raise NotFoundError(
                "has no `METADATA`",
                hint="name the `*.dist-info` folder itself",
                place=(str(path),),
            )

    def read(self, name: str) -> bytes | None:
        """A file of the folder; None if there is none of that name."""
        path = self.path / name
        limit = self._limits.directory if name == "RECORD" else self._limits.metadata
        try:
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceError(
                f"cannot be read: {error.strerror or error}", place=(str(path),)
            ) from error
        check_size(f"`{name}`", len(data), limit)
        return data

    def rewrite(self, files: Mapping[str, bytes | None]) -> tuple[str, ...]:
        """Replace these files (None: remove), then RECORD; returns what is worth saying.

        If one of them cannot be written, those before it get their old contents back. Raises
        ArchiveError for a RECORD that is none, before anything is written.
        """
        files = dict(files)
        notes: list[str] = []
        record = self.read("RECORD")
        if record is None:
            notes.append("has no RECORD, so none was updated")
        else:
            signatures = [name for name in SIGNATURES if self.read(name) is not None]
            notes += [
                f"`{name}` is dropped: a signature of the old RECORD cannot hold"
                for name in signatures
            ]
            files |= dict.fromkeys(signatures)
            files["RECORD"] = self._record(record, files)
        before = {name: self.read(name) for name in files}
        done: list[str] = []
        try:
            for name, data in files.items():
                done.append(name)
                self._write(name, data)
        except OSError as error:
            for name in done:
                self._write(name, before[name])
            raise SourceError(
                f"cannot be written: {error.strerror or error}", place=(str(self.path),)
            ) from error
        return tuple(notes)

    def _record(self, data: bytes, files: Mapping[str, bytes | None]) -> bytes:
        folder = self.path.name
        try:
            record = parse_record(data)
        except ValueError as error:
            raise ArchiveError(
                f"its RECORD cannot be read: {error}", place=(str(self.path),)
            ) from error
        return bytes(
            record.changed(
                contents={f"{folder}/{n}": data for n, data in files.items() if data is not None},
                dropped=[f"{folder}/{name}" for name, data in files.items() if data is None],
                last=f"{folder}/RECORD",
            )
        )

    def _write(self, name: str, data: bytes | None) -> None:
        path = self.path / name
        if data is None:
            path.unlink(missing_ok=True)
        elif self.read(name) != data:
            with replacing(path) as file:
                file.write(data)
