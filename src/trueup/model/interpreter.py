"""The interpreter part of an environment: implementation and ABI, and the tags they accept.

The order of tags comes from `packaging.tags`; only the platform is left open here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

__all__ = ["Interpreter", "Minor", "TagKey", "interpreters_for"]

Minor = tuple[int, int]
"""A Python minor version, ``(3, 12)``."""

TagKey = tuple[str, str, bool]
"""A tag without its platform: Python tag, ABI tag, and whether the platform is ``any``."""

_FIRST_FREE_THREADED = (3, 13)
_LAST_WITH_UNICODE_WIDTH = (3, 2)
_LAST_WITH_PYMALLOC_FLAG = (3, 7)
_PLATFORM = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """An implementation with one ABI.

    ``name`` and ``implementation`` are the marker values of `implementation_name` and
    `platform_python_implementation`; ``abi`` is what tells ABIs of one Python version apart:
    the flags of a CPython (``t``, ``m``, ``mu``; empty for the usual build of each version), the
    ABI number of a PyPy, the ABI version of a GraalPy. ``named`` are the Python versions for which
    an unusual ABI is named by a tag of the release (empty: it exists wherever it can).
    """

    name: str
    implementation: str
    abi: str = ""
    named: frozenset[Minor] = frozenset()

    def exists(self, python: Minor) -> bool:
        """Whether there is such an interpreter of this Python version."""
        if self.named:
            return python in self.named
        if self.name == "cpython" and self.abi == "t":
            return python >= _FIRST_FREE_THREADED
        if self.name == "cpython" and self.abi == "m":
            return python <= _LAST_WITH_UNICODE_WIDTH
        return True

    def accepted(self, python: Minor) -> tuple[TagKey, ...]:
        """The tags it accepts without their platforms, best first (`packaging.tags.sys_tags`)."""
        return _accepted(self.name, self.abi, python)

    @property
    def words(self) -> str:
        """The tag part in words, empty for the usual ABI."""
        if self.name == "cpython":
            return {"": "", "t": "free-threaded", "m": "narrow Unicode"}.get(
                self.abi, f"ABI flags `{self.abi}`"
            )
        return f"ABI {self.abi}" if self.abi else ""


@lru_cache(maxsize=4096)
def _accepted(name: str, abi: str, python: Minor) -> tuple[TagKey, ...]:
    nodot = f"{python[0]}{python[1]}"
    tags: list[Tag] = []
    if name == "cpython":
        flags = abi or _usual_flags(python)
        abis = [f"cp{nodot}{flags}"]
        if "d" in flags and python > _LAST_WITH_PYMALLOC_FLAG:
            # Since Python 3.8 debug builds load normal extension modules too.
            abis.append(f"cp{nodot}{flags.replace('d', '')}")
        tags += cpython_tags(python, abis, [_PLATFORM])
        interpreter: str | None = f"cp{nodot}"
    elif name == "pypy":
        abis = [f"pypy{nodot}_pp{abi}", f"pypy_{abi}", f"pypy{python[0]}_{abi}"]
        tags += generic_tags(f"pp{nodot}", abis, [_PLATFORM])
        interpreter = "pp3"
    elif name == "graalpy":
        tags += generic_tags(f"graalpy{nodot}", [f"graalpy{abi}_{nodot}_native"], [_PLATFORM])
        interpreter = None
    else:
        tags += generic_tags(f"{name}{nodot}", ["none"], [_PLATFORM])
        interpreter = None
    tags += compatible_tags(python, interpreter, [_PLATFORM])
    return tuple(dict.fromkeys((tag.interpreter, tag.abi, tag.platform == "any") for tag in tags))


def _usual_flags(python: Minor) -> str:
    """The ABI flags of the usual build: wide Unicode where there was a choice (Linux)."""
    if python <= _LAST_WITH_UNICODE_WIDTH:
        return "mu"
    return "m" if python <= _LAST_WITH_PYMALLOC_FLAG else ""


_CPYTHON_ABI = re.compile(r"cp(\d)(\d+)([a-z]*)")
_PYPY_ABI = re.compile(r"pypy\d*_(?:pp)?(\d+)")
_GRAALPY_ABI = re.compile(r"graalpy(\d+)_(\d)(\d+)_native")

_IMPLEMENTATIONS = {
    "cpython": "CPython",
    "pypy": "PyPy",
    "graalpy": "GraalVM",
    "jython": "Jython",
    "ironpython": "IronPython",
}
_NAMES = {implementation: name for name, implementation in _IMPLEMENTATIONS.items()}


def interpreters_for(keys: Iterable[TagKey], constants: Iterable[str]) -> tuple[Interpreter, ...]:
    """The interpreters that these tags and marker constants can tell apart, usual ones first.

    ``constants`` are what markers compare `implementation_name` and
    `platform_python_implementation` with.
    """
    keys, wanted = set(keys), set(constants)
    found = [Interpreter(name="cpython", implementation="CPython")]
    specific = any(key[0].startswith(("cp", "pp", "graalpy")) for key in keys)
    if any(abi == "abi3" or _CPYTHON_ABI.fullmatch(abi) or "t" in abi for _, abi, _ in keys):
        found.append(Interpreter(name="cpython", implementation="CPython", abi="t"))
    found += _named_cpythons(keys)
    if specific or wanted:
        numbers = {match[1] for _, abi, _ in keys if (match := _PYPY_ABI.fullmatch(abi))}
        # PyPy has kept the ABI number 73 since 2020.
        found += (
            Interpreter(name="pypy", implementation="PyPy", abi=number)
            for number in sorted({"73", *numbers})
        )
        found += _graalpys(keys, wanted)
        names = {_NAMES.get(constant, constant) for constant in wanted}
        for name in sorted(names - {"cpython", "pypy", "graalpy"}):
            found.append(Interpreter(name=name, implementation=_IMPLEMENTATIONS.get(name, name)))
        found.append(Interpreter(name="other", implementation="other"))
    return tuple(found)


def _named_cpythons(keys: Iterable[TagKey]) -> list[Interpreter]:
    named: dict[str, set[Minor]] = {}
    for _, abi, _ in keys:
        if match := _CPYTHON_ABI.fullmatch(abi):
            python = (int(match[1]), int(match[2]))
            if match[3] not in ("t", _usual_flags(python)):
                named.setdefault(match[3], set()).add(python)
    interpreters = []
    for flags, pythons in sorted(named.items()):
        if flags == "m":
            # Narrow Unicode builds are common enough to exist for every old version.
            interpreters.append(Interpreter(name="cpython", implementation="CPython", abi="m"))
        elif flags:
            interpreters.append(
                Interpreter(
                    name="cpython", implementation="CPython", abi=flags, named=frozenset(pythons)
                )
            )
    return interpreters


def _graalpys(keys: Iterable[TagKey], wanted: set[str]) -> list[Interpreter]:
    named: dict[str, set[Minor]] = {}
    for _, abi, _ in keys:
        if match := _GRAALPY_ABI.fullmatch(abi):
            named.setdefault(match[1], set()).add((int(match[2]), int(match[3])))
    interpreters = [
        Interpreter(name="graalpy", implementation="GraalVM", abi=abi, named=frozenset(pythons))
        for abi, pythons in sorted(named.items())
    ]
    if interpreters or wanted & {"graalpy", "GraalVM"}:
        # One whose ABI no tag names: GraalPy changes it with every release.
        interpreters.append(Interpreter(name="graalpy", implementation="GraalVM"))
    return interpreters
