"""What an sdist holds, read on the host and within limits: names, and a few files. Nothing is run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from trueup.model.errors import ArchiveError
from trueup.model.explanation import Language, Needs
from trueup.sources.limits import Limits
from trueup.sources.untar import Untar
from trueup.sources.unzip import open_zip, read_member

__all__ = ["SdistFiles", "needs_of", "read_files"]

_LIMITS = Limits()
_DEFAULT_BACKEND = "setuptools.build_meta:__legacy__"
_SUFFIXES = {
    ".c": "C", ".cc": "C++", ".cpp": "C++", ".cxx": "C++", ".cu": "CUDA", ".f": "Fortran",
    ".f90": "Fortran", ".rs": "Rust", ".go": "Go", ".pyx": "C",
}  # fmt: skip
_REQUIREMENTS = {
    "cython": "C", "cffi": "C", "pybind11": "C++", "nanobind": "C++", "maturin": "Rust",
    "setuptools-rust": "Rust", "scikit-build-core": "C or C++", "scikit-build": "C or C++",
    "cmake": "C or C++", "f2py": "Fortran",
}  # fmt: skip
_NOT_BUILT = ("test", "tests", "doc", "docs", "examples", "benchmarks")


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistFiles:
    """The names of all files below the top folder, and the contents of those that were asked for."""

    names: tuple[str, ...]
    contents: dict[str, bytes]


def read_files(path: Path, wanted: frozenset[str]) -> SdistFiles:
    """Read an sdist; raises ArchiveError, LimitError among them."""
    with path.open("rb") as file:
        if path.name.endswith(".zip"):
            with open_zip(file, _LIMITS) as archive:
                names = [item.filename for item in archive.infolist() if not item.is_dir()]
                contents = {
                    _below(item.filename): read_member(archive, item, _LIMITS.pyproject)
                    for item in archive.infolist()
                    if _below(item.filename) in wanted
                }
            return SdistFiles(names=tuple(map(_below, names)), contents=contents)
        tar = Untar(file, _LIMITS)
        names, contents = [], {}
        while (member := tar.next()) is not None:
            if member.kind:
                continue
            name = _below(member.name)
            names.append(name)
            if name in wanted and member.size <= _LIMITS.pyproject:
                contents[name] = tar.read(member)
        return SdistFiles(names=tuple(names), contents=contents)


def _below(name: str) -> str:
    return name.removeprefix("./").partition("/")[2]


def needs_of(files: SdistFiles) -> Needs:
    """What a build needs, by `pyproject.toml` (PEP 517, PEP 518, PEP 725) and by the files there."""
    data = files.contents.get("pyproject.toml", b"")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"is not valid TOML: {error}", place=("pyproject.toml",)) from error
    system = document.get("build-system")
    system = system if isinstance(system, dict) else {}
    requires = system.get("requires")
    listed = tuple(map(str, requires)) if isinstance(requires, list) else ("setuptools",)
    external = document.get("external")
    return Needs(
        backend=str(system.get("build-backend", _DEFAULT_BACKEND)),
        requires=listed,
        languages=tuple(_languages(files.names, listed)),
        external=tuple(_external(external if isinstance(external, dict) else {})),
    )


def _languages(names: tuple[str, ...], requires: tuple[str, ...]) -> list[Language]:
    found: dict[str, str] = {}
    for text in requires:
        for project, language in _REQUIREMENTS.items():
            if text.lower().replace("_", "-").startswith(project):
                found.setdefault(language, f"`{text}` among the build requirements")
    counts: dict[str, list[str]] = {}
    for name in names:
        parts = name.split("/")
        compiled = _SUFFIXES.get("." + parts[-1].rpartition(".")[2])
        # By word: build systems and compilers that are vendored keep theirs in `test cases`.
        folders = {word for part in parts[:-1] for word in part.lower().split()}
        if compiled is not None and not folders & set(_NOT_BUILT):
            counts.setdefault(compiled, []).append(name)
    for language, files in counts.items():
        more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
        found.setdefault(language, f"`{files[0]}`{more}")
    return [Language(name=name, evidence=evidence) for name, evidence in found.items()]


def _external(table: dict[str, object]) -> list[str]:
    return [
        f"{key}: {item}"
        for key, value in table.items()
        if isinstance(value, list)
        for item in value
    ]
