"""What a library's builder declares of its binary interface, and the id that follows from it.

Two builds with the same id may stand in for each other as far as declarations go; what is measured
must agree besides. The id is made of declared inputs only, so it is the same on every platform, and
every wheel of a version can ask for the same distribution.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import UsageError

__all__ = ["AbiDeclaration", "AbiFile", "Assertion", "parse_abi"]

_NAME = re.compile(r"lib[A-Za-z0-9_.+-]+|[A-Za-z0-9_.+-]+", re.ASCII)
_KEYS = frozenset({
    "version", "soname-major", "family", "options", "symbol-prefix", "symbol-suffix",
    "symbol-versions", "integers", "threads", "depends",
})  # fmt: skip
_INTEGERS = ("any", "lp64", "ilp64")
_DEEPEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AbiDeclaration:
    """One library as `abi.toml` declares it.

    - ``library``: the stem of its file name, such as ``libgmp``;
    - ``version``: the upstream version, which becomes that of the library wheel; not part of the id;
    - ``family``: the versions that share the interface, such as ``6``;
    - ``soname_major``: as in ``libgmp.so.10``;
    - ``options``: configure options that change the interface, in any order;
    - ``symbol_prefix``, ``symbol_suffix``, ``symbol_versions``: how its symbols are named;
    - ``integers``: ``lp64``, ``ilp64``, or ``any`` where it takes none from Fortran;
    - ``threads``: the threading or TLS model, as a word;
    - ``depends``: libraries of the same file whose ids are part of this one's.
    """

    library: str
    version: str
    family: str
    soname_major: str
    options: tuple[str, ...] = ()
    symbol_prefix: str = ""
    symbol_suffix: str = ""
    symbol_versions: str = ""
    integers: str = "any"
    threads: str = ""
    depends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A human's word that a library may stand in, where only symbols are known to be satisfied."""

    library: str
    consumer: str
    reason: str
    by: str


@dataclass(frozen=True, kw_only=True)
class AbiFile:
    """An `abi.toml`: declarations by library, assertions, and what is known to be shared state.

    ``acknowledged`` maps libraries with process-global state to why sharing it is fine.
    """

    libraries: Mapping[str, AbiDeclaration]
    assertions: tuple[Assertion, ...] = ()
    acknowledged: Mapping[str, str]

    def abi_id(self, library: str) -> str:
        """The first 12 hexadecimal digits of the sha256 over the canonical JSON of the inputs."""
        return self._id(library, (), {})

    def _id(self, library: str, above: tuple[str, ...], known: dict[str, str]) -> str:
        if library in above:
            raise UsageError(
                "libraries depend on each other in a circle", found=" → ".join((*above, library))
            )
        if len(above) > _DEEPEST:
            raise UsageError(f"libraries depend on each other more than {_DEEPEST} deep")
        if library in known:
            return known[library]
        one = self.libraries[library]
        inputs = {
            "library": one.library,
            "family": one.family,
            "soname_major": one.soname_major,
            "options": sorted(set(one.options)),
            "symbols": [one.symbol_prefix, one.symbol_suffix, one.symbol_versions],
            "integers": one.integers,
            "threads": one.threads,
            "depends": {
                name: self._id(name, (*above, library), known) for name in sorted(set(one.depends))
            },
        }
        text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        known[library] = hashlib.sha256(text.encode()).hexdigest()[:12]
        return known[library]

    def assertion(self, library: str, consumer: str) -> Assertion | None:
        """What was asserted for this library and this project, if anything."""
        for one in self.assertions:
            if one.library == library and one.consumer == consumer:
                return one
        return None


def parse_abi(text: str) -> AbiFile:
    """Parse an `abi.toml`; raises UsageError with the table and the key.

    Tables: ``[library.NAME]``, ``[[assertion]]``, ``[acknowledged]``.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"is not valid TOML: {error}") from error
    _refuse_strangers("the file", document, {"library", "assertion", "acknowledged"})
    tables = document.get("library", {})
    if not isinstance(tables, dict):
        raise UsageError("`library`", found=f"`{tables!r}`", expected="a table per library")
    libraries = {name: _declaration(name, table) for name, table in tables.items()}
    for name, one in libraries.items():
        for other in one.depends:
            if other not in libraries:
                raise UsageError(
                    f"`library.{name}`: `depends` names a library that is not declared",
                    found=f"`{other}`",
                    expected=", ".join(f"`{known}`" for known in sorted(libraries)),
                )
    acknowledged = document.get("acknowledged", {})
    if not isinstance(acknowledged, dict) or not all(
        isinstance(reason, str) and reason for reason in acknowledged.values()
    ):
        raise UsageError(
            "`acknowledged`",
            found=f"`{acknowledged!r}`",
            expected="library names with the reason as text",
        )
    assertions = document.get("assertion", [])
    if not isinstance(assertions, list):
        raise UsageError(
            "`assertion`", found=f"`{assertions!r}`", expected="`[[assertion]]` tables"
        )
    file = AbiFile(
        libraries=libraries,
        assertions=tuple(_assertion(n, one) for n, one in enumerate(assertions)),
        acknowledged=acknowledged,
    )
    for name in libraries:
        file.abi_id(name)
    return file


def _refuse_strangers(place: str, table: object, known: frozenset[str] | set[str]) -> None:
    if not isinstance(table, dict):
        raise UsageError(f"{place}", found=f"`{table!r}`", expected="a table")
    for key in table:
        if key not in known:
            raise UsageError(
                f"{place} has no key `{key}`", hint=f"its keys are: {', '.join(sorted(known))}"
            )


def _declaration(name: str, table: object) -> AbiDeclaration:
    place = f"`library.{name}`"
    _refuse_strangers(place, table, _KEYS)
    assert isinstance(table, dict)
    if not _NAME.fullmatch(name):
        raise UsageError(place, found=f"`{name}`", expected="the stem of a file name: `libgmp`")

    def text(key: str, default: str | None = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            found = "nothing" if value is None else f"`{value!r}`"
            raise UsageError(f"{place}: `{key}`", found=found, expected="text")
        return value

    def texts(key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UsageError(f"{place}: `{key}`", found=f"`{value!r}`", expected="a list of texts")
        return tuple(value)

    integers = text("integers", "any")
    if integers not in _INTEGERS:
        raise UsageError(
            f"{place}: `integers`",
            found=f"`{integers}`",
            expected=" or ".join(f"`{one}`" for one in _INTEGERS),
        )
    return AbiDeclaration(
        library=name,
        version=text("version"),
        family=text("family"),
        soname_major=text("soname-major", ""),
        options=texts("options"),
        symbol_prefix=text("symbol-prefix", ""),
        symbol_suffix=text("symbol-suffix", ""),
        symbol_versions=text("symbol-versions", ""),
        integers=integers,
        threads=text("threads", ""),
        depends=texts("depends"),
    )


def _assertion(number: int, table: object) -> Assertion:
    place = f"`assertion` {number + 1}"
    _refuse_strangers(place, table, {"library", "consumer", "reason", "by"})
    assert isinstance(table, dict)
    values: dict[str, str] = {}
    for key in ("library", "consumer", "reason", "by"):
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            raise UsageError(
                f"{place}: `{key}`",
                found="nothing" if value is None else f"`{value!r}`",
                expected="text: who asserts what, and why",
            )
        values[key] = value
    return Assertion(**values)
