"""`abi.toml`: the id that follows from it, and every way in which it can be wrong."""

from __future__ import annotations

import pytest

from trueup.model.abi import parse_abi
from trueup.model.errors import UsageError

GMP = """
[library.libgmp]
version = "6.3.0"
family = "6"
soname-major = "10"
options = ["--enable-fat", "--enable-cxx"]
"""
MPFR = """
[library.libmpfr]
version = "4.2.2"
family = "4"
depends = ["libgmp"]
"""


def identity(text: str, library: str = "libgmp") -> str:
    return parse_abi(text).abi_id(library)


def test_the_id_is_stable() -> None:
    """It names distributions, so it must never change for the same inputs."""
    assert identity(GMP) == "4d9cceafc20e"


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('version = "6.3.0"', 'version = "6.3.1"', True),
        ('["--enable-fat", "--enable-cxx"]', '["--enable-cxx", "--enable-fat"]', True),
        ('["--enable-fat", "--enable-cxx"]', '["--enable-fat"]', False),
        ('family = "6"', 'family = "7"', False),
        ('soname-major = "10"', 'soname-major = "11"', False),
        ('soname-major = "10"', 'soname-major = "10"\nintegers = "ilp64"', False),
        ('soname-major = "10"', 'soname-major = "10"\nintegers = "any"', True),
        ('soname-major = "10"', 'soname-major = "10"\nsymbol-suffix = "64_"', False),
        ('soname-major = "10"', 'soname-major = "10"\nsymbol-prefix = "x"', False),
        ('soname-major = "10"', 'soname-major = "10"\nsymbol-versions = "GMP_6"', False),
        ('soname-major = "10"', 'soname-major = "10"\nthreads = "tls"', False),
    ],
)
def test_what_is_part_of_the_id(old: str, new: str, *, same: bool) -> None:
    assert old in GMP
    assert (identity(GMP) == identity(GMP.replace(old, new))) is same


def test_the_ids_of_what_it_depends_on_are_part_of_it() -> None:
    before = identity(GMP + MPFR, "libmpfr")
    assert before != identity(GMP.replace('"6"', '"7"') + MPFR, "libmpfr")
    assert before == identity(GMP.replace("6.3.0", "6.3.9") + MPFR, "libmpfr")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("library = 3", "`library`: found `3`, expected a table per library"),
        ("[other]", "the file has no key `other`"),
        ("[library.libgmp]\nfamily = '6'", "`library.libgmp`: `version`: found nothing, expected text"),
        (GMP + 'integer = "lp64"', "`library.libgmp` has no key `integer`"),
        (
            GMP + 'integers = "lp32"',
            "`library.libgmp`: `integers`: found `lp32`, expected `any` or `lp64` or `ilp64`",
        ),
        (
            GMP.replace('["--enable-fat", "--enable-cxx"]', '"--enable-fat"'),
            "`library.libgmp`: `options`: found `'--enable-fat'`, expected a list of texts",
        ),
        (
            MPFR,
            "`library.libmpfr`: `depends` names a library that is not declared: found `libgmp`, "
            "expected `libmpfr`",
        ),
        (
            GMP + 'depends = ["libgmp"]',
            "libraries depend on each other in a circle: found libgmp → libgmp",
        ),
        (
            "[[assertion]]\nlibrary = 'libgmp'\nconsumer = 'x'\nreason = ' '\nby = 'me'",
            "`assertion` 1: `reason`: found `' '`, expected text: who asserts what, and why",
        ),
        ("assertion = 3", "`assertion`: found `3`, expected `[[assertion]]` tables"),
        ("[acknowledged]\nlibgmp = 3", "`acknowledged`: found `{'libgmp': 3}`, expected library names with the reason as text"),
        ("[library.'lib gmp']\nversion='1'\nfamily='1'",
         "`library.lib gmp`: found `lib gmp`, expected the stem of a file name: `libgmp`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_abi(text)
    assert str(caught.value) == message


def chain(length: int) -> str:
    """Libraries that each depend on both of the next step."""
    tables = [
        f'[library.lib{one}{step}]\nversion="1"\nfamily="1"\n'
        + (f'depends=["liba{step + 1}", "libb{step + 1}"]' if step < length - 1 else "")
        for step in range(length)
        for one in "ab"
    ]
    return "\n".join(tables)


def test_what_depends_on_much_takes_no_time() -> None:
    """Two to the power of 60 ways lead down."""
    assert len(parse_abi(chain(60)).abi_id("liba0")) == 12
    with pytest.raises(UsageError, match="more than 100 deep"):
        parse_abi(chain(2000))


def test_no_toml() -> None:
    with pytest.raises(UsageError, match="is not valid TOML"):
        parse_abi("[library")
