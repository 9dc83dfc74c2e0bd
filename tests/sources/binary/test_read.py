"""Whatever the bytes are, a file is read or it is Unreadable."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.compiler import needs_compiler, shared_library
from trueup.model.metadata import Unreadable
from trueup.sources.binary.read import is_binary, read_images


@pytest.mark.parametrize(
    ("head", "binary"),
    [
        (b"\x7fELF\x02\x01\x01\0", True),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\1", True),
        (b"\xca\xfe\xba\xbe\0\0\0\2", True),
        (b"\xca\xfe\xba\xbe\0\0\0\x41", False),
        (b"MZ\x90\0", True),
        (b"PK\3\4", False),
        (b"", False),
    ],
)
def test_what_claims_to_be_a_shared_object(head: bytes, *, binary: bool) -> None:
    assert is_binary(head) is binary
    assert isinstance(read_images(head), Unreadable)


@needs_compiler
def test_damaged_files_are_read_or_unreadable(tmp_path: Path) -> None:
    """Names that are no UTF-8 and numbers that mean nothing among them."""
    data = shared_library(
        tmp_path, "libx.so.1", "int x(void) { return 1; }", soname="libx.so.1", search="$ORIGIN"
    ).read_bytes()
    chance = random.Random(20261121)
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 40)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        found = read_images(bytes(damaged))
        assert isinstance(found, Unreadable | tuple)
    marked = data.replace(b"libx.so.1\0", b"lib\xff.so.1\0")
    assert isinstance(read_images(marked), Unreadable | tuple)
