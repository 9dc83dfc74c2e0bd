"""Code signatures of Mach-O images: reading them, checking their hashes, and writing ad-hoc ones.

Source: Apple's `cs_blobs.h` (xnu) and TN3126, "Inside Code Signing: Hashes". All numbers in them are
big-endian. An ad-hoc signature names nobody: it is hashes of the pages, which macOS on arm64 insists
on. Nothing here was tried on macOS.

Written here because the one signer in Python knows no load commands that are younger than itself,
and stops at them; the tests compare with it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from trueup.model.errors import ArchiveError

__all__ = ["Signature", "adhoc_signature", "broken_slots", "read_signature"]

_SUPERBLOB, _DIRECTORY = 0xFADE_0CC0, 0xFADE_0C02
_DIRECTORY_SLOT, _ALTERNATES, _CERTIFICATES_SLOT = 0, range(0x1000, 0x1005), 0x10000
_HASHES = {1: "sha1", 2: "sha256", 3: "sha256", 4: "sha384"}
_REQUIREMENTS, _WRAPPER = 0xFADE_0C01, 0xFADE_0B01
_REQUIREMENTS_SLOT, _ENTITLEMENTS = 2, (5, 7)
_PAGE_BITS, _SHA256, _ADHOC, _VERSION = 12, 2, 0x2, 0x2_0400
_MOST = 64
_DAMAGED = "has a code signature that is damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The blobs of a signature by slot; ``certified`` is whether it bears a developer's name,
    ``entitled`` whether it grants anything."""

    identifier: str
    certified: bool
    entitled: bool
    directories: tuple[bytes, ...]
    blobs: dict[int, bytes]


def read_signature(image: bytes, offset: int, size: int) -> Signature:
    """Take apart the signature at a place of an image; ArchiveError for one that is damaged."""
    try:
        return _read(image[offset : offset + size])
    except (struct.error, UnicodeDecodeError) as error:
        raise ArchiveError(_DAMAGED) from error


def _read(data: bytes) -> Signature:
    magic, _, count = struct.unpack_from(">3I", data)
    if magic != _SUPERBLOB or not 0 < count <= _MOST:
        raise ArchiveError(_DAMAGED)
    blobs: dict[int, bytes] = {}
    for number in range(count):
        slot, start = struct.unpack_from(">2I", data, 12 + 8 * number)
        length = struct.unpack_from(">I", data, start + 4)[0]
        blobs[slot] = data[start : start + length]
    directories = [blobs[slot] for slot in (_DIRECTORY_SLOT, *_ALTERNATES) if slot in blobs]
    if not directories or any(one[:4] != _DIRECTORY.to_bytes(4) for one in directories):
        raise ArchiveError(_DAMAGED)
    start = struct.unpack_from(">I", directories[0], 20)[0]
    return Signature(
        identifier=directories[0][start:].partition(b"\0")[0].decode(),
        # A wrapper without content stands there in an ad-hoc signature, if anything does.
        certified=len(blobs.get(_CERTIFICATES_SLOT, b"")) > 8,
        entitled=any(slot in blobs for slot in _ENTITLEMENTS),
        directories=tuple(directories),
        blobs=blobs,
    )


def broken_slots(image: bytes, signature: Signature) -> list[str]:
    """The hashes that do not hold, in words: `page 3`, `slot 2`; of special slots those present."""
    return [fault for one in signature.directories for fault in _broken(image, one, signature)]


def _broken(image: bytes, directory: bytes, signature: Signature) -> list[str]:
    hashes, special, pages, limit = (
        struct.unpack_from(">I", directory, at)[0] for at in (16, 24, 28, 32)
    )
    size, kind, _, page = struct.unpack_from("4B", directory, 36)
    if kind not in _HASHES or not 0 < page < 32:
        return [f"a kind of hash ({kind}) or a page size ({page}) that is unknown"]
    step = 1 << page
    faults = [] if pages == -(-limit // step) else [f"{pages} pages for {limit:,} bytes"]
    for number in range(pages):
        expected = directory[hashes + number * size :][:size]
        bytes_of_page = image[number * step : min((number + 1) * step, limit)]
        if hashlib.new(_HASHES[kind], bytes_of_page).digest()[:size] != expected:
            faults.append(f"page {number}")
    for slot in range(1, special + 1):
        expected = directory[hashes - slot * size :][:size]
        blob = signature.blobs.get(slot)
        if blob is not None and hashlib.new(_HASHES[kind], blob).digest()[:size] != expected:
            faults.append(f"slot {slot}")
    return faults


def adhoc_signature(
    image: bytes, identifier: str, *, text: tuple[int, int], executable: bool
) -> bytes:
    """An ad-hoc signature of all these bytes, to be appended to them, as `codesign -s -` lays it out.

    ``text`` is where the `__TEXT` segment begins in the image, and its size.
    """
    requirements = struct.pack(">3I", _REQUIREMENTS, 12, 0)
    name = identifier.encode() + b"\0"
    pages = -(-len(image) // (1 << _PAGE_BITS))
    start = 88 + len(name)
    # Special slots stand in front of the pages, the second before the first: the requirements, and
    # a property list, of which there is none.
    special = hashlib.sha256(requirements).digest() + bytes(32)
    length = start + len(special) + 32 * pages
    directory = struct.pack(
        ">9I4B4I4Q",
        _DIRECTORY, length, _VERSION, _ADHOC, start + len(special), 88, 2, pages, len(image),
        32, _SHA256, 0, _PAGE_BITS, 0, 0, 0, 0, 0, *text, int(executable),
    )  # fmt: skip
    blobs = [
        (_DIRECTORY_SLOT, b"".join((directory, name, special, *_page_hashes(image)))),
        (_REQUIREMENTS_SLOT, requirements),
        (_CERTIFICATES_SLOT, struct.pack(">2I", _WRAPPER, 8)),
    ]
    index, body = b"", b""
    for slot, blob in blobs:
        index += struct.pack(">2I", slot, 12 + 8 * len(blobs) + len(body))
        body += blob
    head = struct.pack(">3I", _SUPERBLOB, 12 + len(index) + len(body), len(blobs))
    return head + index + body


def _page_hashes(image: bytes) -> Iterator[bytes]:
    view = memoryview(image)
    for start in range(0, len(image), 1 << _PAGE_BITS):
        yield hashlib.sha256(view[start : start + (1 << _PAGE_BITS)]).digest()
