"""What makes two builds differ for those who use them, and what does not."""

from __future__ import annotations

import pytest

from tests.natives import image
from trueup.judge.surface import is_noise, surface_digest
from trueup.model.library import Export, Image, SymbolKind

DATA = SymbolKind.DATA
BASE = image("libgmp-a6f47472.so.10.5.0", exports=("add", Export("table", DATA, 8)))

SAME = {
    "another digest in the name": image("libgmp-00000000.so.10.5.0", exports=BASE.exports),
    "another order": image("libgmp.so.10", exports=tuple(reversed(BASE.exports))),
    "what linkers leave behind": image("libgmp.so.10", exports=(*BASE.exports, "_init", "_edata")),
    "libgcc that leaked": image("libgmp.so.10", exports=(*BASE.exports, "__bid_adddd3")),
    "code of another size": image(
        "libgmp.so.10", exports=(Export("add", size=99), Export("table", DATA, 8))
    ),
}
OTHER = {
    "another soname": image("libgmp.so.11", exports=BASE.exports),
    "one symbol more": image("libgmp.so.10", exports=(*BASE.exports, "sub")),
    "data of another size": image("libgmp.so.10", exports=("add", Export("table", DATA, 16))),
    "data that became code": image("libgmp.so.10", exports=("add", Export("table"))),
    "a symbol version": image(
        "libgmp.so.10", exports=(Export("add", version="GMP_6"), Export("table", DATA, 8))
    ),
    "another machine": image("libgmp.so.10", exports=BASE.exports, machine="aarch64"),
    "one need more": image("libgmp.so.10", exports=BASE.exports, needed=("libz.so.1",)),
}


@pytest.mark.parametrize("other", SAME.values(), ids=SAME)
def test_what_makes_no_difference(other: Image) -> None:
    assert surface_digest(other) == surface_digest(BASE)


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_what_makes_one(other: Image) -> None:
    assert surface_digest(other) != surface_digest(BASE)


def test_the_digest_in_what_is_needed_makes_none() -> None:
    one = image("libmpfr.so.6", needed=("libgmp-a6f47472.so.10.5.0",))
    other = image("libmpfr.so.6", needed=("libgmp-e0c82b6b.so.10.5.0",))
    assert surface_digest(one) == surface_digest(other)


@pytest.mark.parametrize(("name", "noise"), [("_end", True), ("__bid_mul", True), ("mul", False)])
def test_noise(name: str, noise: bool) -> None:
    assert is_noise(name) is noise
