"""Texts that libraries have in them are found wherever they lie."""

from __future__ import annotations

import pytest

from trueup.model.library import Witness
from trueup.sources.binary.witness import witnesses_in

MEBIBYTE = 1024 * 1024
TEXT = b"OpenBLAS 0.3.34  USE64BITINT DYNAMIC_ARCH"
FOUND = (Witness("openblas", "configuration", TEXT.decode()),)


@pytest.mark.parametrize(
    "at", [0, 1, MEBIBYTE - 41, MEBIBYTE - 5, MEBIBYTE - 1, MEBIBYTE, 3_000_000]
)
def test_a_text_lies_anywhere(at: int) -> None:
    assert witnesses_in([bytes(at) + TEXT + bytes(10)]) == FOUND
    assert witnesses_in([memoryview(bytes(at) + TEXT)]) == FOUND


@pytest.mark.parametrize("at", [0, MEBIBYTE - 2, MEBIBYTE - 1, MEBIBYTE])
def test_what_stands_before_the_mark_counts(at: int) -> None:
    (found,) = witnesses_in([bytes(at) + b"deflate 1.3.1 Copyright"])
    assert found.text == "deflate 1.3.1 Copyright"


def test_each_thing_is_told_once_and_in_one_order() -> None:
    zlib = b"inflate 1.2.11 Copyright"
    data = zlib + bytes(MEBIBYTE) + TEXT + bytes(MEBIBYTE) + zlib + b"\0" + TEXT
    assert [one.library for one in witnesses_in([data, data])] == ["openblas", "zlib"]


def test_nothing_is_found_in_nothing() -> None:
    assert witnesses_in([]) == witnesses_in([b""]) == ()
