"""A wheel of a few small files, made from nothing; the same files give the same bytes."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from trueup.model.errors import SourceError
from trueup.model.record import parse_record
from trueup.sources.output import replacing

__all__ = ["write_new_wheel"]

_DATE = (1980, 1, 1, 0, 0, 0)


def write_new_wheel(target: Path, dist_info: str, files: Mapping[str, bytes]) -> str:
    """Write the files, and a RECORD of them, in one step; returns the wheel's sha256.

    ``files`` are by member name. Raises SourceError.
    """
    record = f"{dist_info}/RECORD"
    rows = parse_record(f"{record},,\n".encode()).changed(contents=files, last=record)
    digest = hashlib.sha256()
    try:
        with replacing(target.resolve()) as file:
            with zipfile.ZipFile(file, "w") as archive:
                for name, data in (*sorted(files.items()), (record, bytes(rows))):
                    info = zipfile.ZipInfo(name, _DATE)
                    info.create_system, info.external_attr = 3, 0o100644 << 16
                    archive.writestr(info, data, zipfile.ZIP_DEFLATED, 9)
            file.seek(0)
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise SourceError(
            f"cannot be written: {error.strerror or error}", place=(str(target),)
        ) from error
    return digest.hexdigest()
