"""The rules for zip files that package indexes enforce on upload, written down independently.

No two members of one name; every local header agrees with its record in the central directory;
members follow each other without gaps; nothing stands before the first or after the end record.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import struct
import zipfile
from pathlib import Path

__all__ = ["broken_records", "broken_rules", "members"]


def broken_rules(data: bytes) -> list[str]:
    """What an index would refuse, in words."""
    problems: list[str] = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        comment, directory = archive.comment, archive.start_dir
        if (bad := archive.testzip()) is not None:
            problems.append(f"{bad} is damaged")
    names = [info.filename for info in infos]
    problems += [f"{name} twice" for name in {n for n in names if names.count(n) > 1}]
    position = 0
    for info in sorted(infos, key=lambda item: item.header_offset):
        if info.header_offset != position:
            problems.append(f"a gap before {info.filename}")
        position = _end_of(data, info, problems)
    if position != directory:
        problems.append("a gap before the central directory")
    end = len(data) - 22 - len(comment)
    if data[end : end + 4] != b"PK\x05\x06":
        problems.append("data after the end")
    return problems


def _end_of(data: bytes, info: zipfile.ZipInfo, problems: list[str]) -> int:
    start = info.header_offset
    (sign, _, flags, method, _, _, crc, packed, size, name_length, extra_length) = (
        struct.unpack_from("<4s5H3L2H", data, start)
    )
    body: int = start + 30 + name_length + extra_length
    name = data[start + 30 : start + 30 + name_length]
    decoded = name.decode("utf-8" if flags & 0x800 else "cp437")
    if sign != b"PK\x03\x04" or decoded != info.filename or method != info.compress_type:
        problems.append(f"the local header of {info.filename} differs")
    end = body + info.compress_size
    if not flags & 8:
        local = (crc, packed, size)
        central = (info.CRC, info.compress_size, info.file_size)
        if any(a != b and a != 0xFFFFFFFF for a, b in zip(local, central, strict=True)):
            problems.append(f"the local sizes of {info.filename} differ")
        return end
    if data[end : end + 4] == b"PK\x07\x08":
        end += 4
    wide = struct.pack("<LQQ", info.CRC, info.compress_size, info.file_size)
    narrow = struct.pack(
        "<LLL", info.CRC, info.compress_size & 0xFFFFFFFF, info.file_size & 0xFFFFFFFF
    )
    for descriptor in (wide, narrow):
        if data[end : end + len(descriptor)] == descriptor:
            return end + len(descriptor)
    problems.append(f"{info.filename} has no descriptor")
    return end


def broken_records(data: bytes) -> list[str]:
    """What in the RECORD of a wheel does not fit its members."""
    problems: list[str] = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (record,) = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
        rows = list(csv.reader(io.StringIO(archive.read(record).decode(), newline="")))
        listed = [row[0] for row in rows]
        problems += sorted(set(archive.namelist()) ^ set(listed))
        problems += [name for name in listed if listed.count(name) > 1]
        for name, digest, size in rows:
            if name == record or name not in archive.namelist():
                continue
            content = archive.read(name)
            wanted = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            if digest != f"sha256={wanted.decode()}" or int(size) != len(content):
                problems.append(name)
    return problems


def members(path: Path) -> dict[str, tuple[bytes, int, bytes]]:
    """Of each member the bytes as stored, the CRC, and date, mode and comment in one."""
    data = path.read_bytes()
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            name_length, extra_length = struct.unpack_from("<HH", data, info.header_offset + 26)
            body = info.header_offset + 30 + name_length + extra_length
            about = repr((info.date_time, info.external_attr, info.create_system, info.comment))
            stored = data[body : body + info.compress_size]
            found[info.filename] = (stored, info.CRC, about.encode())
    return found
