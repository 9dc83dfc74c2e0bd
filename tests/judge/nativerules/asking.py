"""Small wheels, and what the rules say of them."""

from __future__ import annotations

from dataclasses import replace

from tests.natives import image, native_file
from trueup.judge.native import native_map
from trueup.judge.nativerules import NATIVE_RULES
from trueup.model.finding import Finding, Severity
from trueup.model.library import BinaryFormat, Distribution, Export, Image, Import, NativeFile

__all__ = [
    "ERROR",
    "INFO",
    "MACHO",
    "PE",
    "RULES",
    "WARNING",
    "found",
    "imports",
    "library",
    "module",
    "told",
]

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
MACHO, PE = BinaryFormat.MACHO, BinaryFormat.PE
RULES = {rule.code: rule for rule in NATIVE_RULES}
LIBS = ("$ORIGIN/../demo.libs",)


def found(code: str, *wheels: Distribution) -> list[Finding]:
    return list(RULES[code].check(native_map(wheels)))


def told(code: str, *wheels: Distribution) -> list[tuple[Severity, str]]:
    return [(one.severity, one.message) for one in found(code, *wheels)]


def module(
    path: str = "demo/fast.so",
    *,
    needed: tuple[str, ...] = (),
    rpath: tuple[str, ...] = LIBS,
    **more: object,
) -> NativeFile:
    return native_file(path, changed(image(None, needed=needed, rpath=rpath), more, "PyInit_fast"))


def library(
    path: str, *, name: str | None = None, needed: tuple[str, ...] = (), **more: object
) -> NativeFile:
    base = image(name or path.rpartition("/")[2], needed=needed)
    return native_file(path, changed(base, more))


def changed(base: Image, more: dict[str, object], *exports: str) -> Image:
    """The image with more of its fields; plain strings become symbols."""
    given = more.pop("exports", ())
    assert isinstance(given, tuple)
    more["exports"] = tuple(Export(e) if isinstance(e, str) else e for e in (*exports, *given))
    return replace(base, **more)  # type: ignore[arg-type]


def imports(*names: str) -> tuple[Import, ...]:
    return tuple(Import(name) for name in names)
