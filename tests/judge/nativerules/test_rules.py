"""What holds for all rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.judge.nativerules.asking import RULES, found, imports, library, module, told
from tests.natives import distribution
from trueup.judge.nativefinding import bytes_words, names_words
from trueup.judge.nativerules import NATIVE_RULES
from trueup.model.library import Distribution


def test_every_rule_has_a_page_with_before_and_after() -> None:
    assert len(RULES) == len(NATIVE_RULES)
    for rule in NATIVE_RULES:
        assert "**Before**" in rule.page, rule.code
        assert "**After**" in rule.page, rule.code
        assert rule.page.startswith(rule.summary)


def test_what_is_in_order_is_told_of_by_no_rule() -> None:
    wheel = distribution(
        "demo",
        module(needed=("libz-00000001.so.1.3", "libc.so.6"), imports=imports("inflate")),
        library("demo.libs/libz-00000001.so.1.3", exports=("inflate",), needed=("libc.so.6",)),
    )
    assert [one for code in RULES for one in told(code, wheel)] == []


def test_what_holds_for_several_pythons_and_platforms_is_told_once() -> None:
    def wheel(python: str, platform: str) -> Distribution:
        tags = f"{python}-{python}-{platform}"
        path = f"demo/fast.{python}.so"
        return distribution("demo", module(path, needed=("liba.so",), rpath=()), tags=tags)

    linux, arm = "manylinux_2_17_x86_64", "manylinux_2_17_aarch64"
    (one,) = found(
        "library-missing", wheel("cp311", linux), wheel("cp312", linux), wheel("cp312", arm)
    )
    assert one.where == "Linux aarch64, Python 3.12; Linux x86_64, Python 3.11, 3.12"
    assert one.files == ("demo/fast.cp312.so", "demo/fast.cp311.so")


@pytest.mark.parametrize(
    ("words", "value", "text"),
    [
        (names_words, ["a"], "`a`"),
        (names_words, ["a", "b", "a"], "`a` and `b`"),
        (names_words, ["a", "b", "c", "d"], "`a`, `b`, `c` and `d`"),
        (names_words, ["a", "b", "c", "d", "e"], "`a`, `b`, `c` and 2 more"),
        (bytes_words, 6_123_456, "6.1 MB"),
        (bytes_words, 930_400, "930 kB"),
        (bytes_words, 20, "1 kB"),
    ],
)
def test_words(words: Callable[[object], str], value: object, text: str) -> None:
    assert words(value) == text
