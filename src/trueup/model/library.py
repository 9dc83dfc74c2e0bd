"""Shared libraries and extension modules, as their own headers describe them.

A *file* holds one *image* for each machine (a Mach-O file can hold several); a *distribution* is a
wheel or an installed project with the files it brings. Nothing here was executed to be known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from packaging.tags import Tag
from packaging.utils import NormalizedName
from packaging.version import Version

from .metadata import Unreadable
from .nativelib import NativeLib

__all__ = [
    "BinaryFormat",
    "Component",
    "Distribution",
    "Export",
    "GpuCode",
    "GpuKind",
    "Image",
    "Import",
    "NativeFile",
    "SymbolKind",
    "Witness",
]


class BinaryFormat(StrEnum):
    """The three formats of shared objects that wheels carry."""

    ELF = "ELF"
    MACHO = "Mach-O"
    PE = "PE"


class SymbolKind(StrEnum):
    """What a dynamic symbol stands for, as far as the format says."""

    FUNCTION = "function"
    DATA = "data"
    THREAD_LOCAL = "thread-local"
    INDIRECT = "indirect function"
    UNTYPED = "untyped"


class Export(NamedTuple):
    """A symbol that an image offers; ``size`` in bytes, 0 where the format does not tell.

    ``version`` is the ELF version node, ``default`` False for one that only old users bind to.
    """

    name: str
    kind: SymbolKind = SymbolKind.FUNCTION
    size: int = 0
    version: str | None = None
    default: bool = True
    weak: bool = False


class Import(NamedTuple):
    """A symbol that an image wants.

    ``source`` is the library it is bound to: always in PE and in Mach-O's two-level namespace, in
    ELF only for a versioned symbol, and there the loader does not insist on it.
    """

    name: str
    kind: SymbolKind = SymbolKind.UNTYPED
    version: str | None = None
    source: str | None = None
    weak: bool = False


class GpuKind(StrEnum):
    """Machine code for one architecture, or what is compiled where it is run.

    PTX a driver compiles for newer devices, SPIR-V a runtime for any; LTO IR is for a linker, and
    no device loads it. UNREAD are bytes that could not be understood; the target says which.
    """

    BINARY = "binary"
    PTX = "PTX"
    SPIRV = "SPIR-V"
    LTO = "LTO IR"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuCode:
    """Device code for one architecture: ``sm_90``, ``compute_90`` (PTX), ``gfx90a``.

    - ``size``: the bytes it takes in the file, as stored there (it may be compressed; where several
      targets are compressed together, its share by what they take uncompressed);
    - ``module``: codes of one number stand for the same kernels, and a device loads the best of
      them. Modules that offer the same targets have one number and are summed;
    - ``relocatable``: input of a device linker, which a driver takes only where nothing was linked
      for the device.
    """

    vendor: str
    target: str
    kind: GpuKind
    size: int
    module: int = 0
    relocatable: bool = False


class Witness(NamedTuple):
    """What a binary says of its own configuration: ``OpenBLAS configuration``, and the text.

    The text was compiled in, so it tells of a static copy as well as of a shared one.
    """

    library: str
    what: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Image:
    """What the loader of the platform sees of one file.

    - ``name``: soname, install name or DLL name; None where there is none;
    - ``needed``: the libraries it asks for, in order; ``optional`` those that may be absent;
    - ``rpath``, ``runpath``: search path entries as written (Mach-O: LC_RPATH is ``rpath``);
    - ``needs_versions``: (library, version node) pairs, ``defines_versions`` its own nodes;
    - ``build_id``: GNU build-id, LC_UUID or PDB signature, in hexadecimal;
    - ``floor``: the lowest system it claims to run on: ``("macos", (11, 0))``;
    - ``padding``: bytes between sections that align and hold nothing; ``debug``: bytes of debug
      information; ``symbols``: whether the full symbol table is still there;
    - ``core``: sha256 over what relocation of names and search paths leaves alone (ELF: allocated
      sections but the dynamic ones); None where the format gives no such part;
    - ``witnesses``: what compiled-in text tells of its configuration and of static copies;
    - ``gpu``: device code, by architecture.
    """

    format: BinaryFormat
    machine: str
    name: str | None = None
    needed: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    exports: tuple[Export, ...] = ()
    imports: tuple[Import, ...] = ()
    needs_versions: tuple[tuple[str, str], ...] = ()
    defines_versions: tuple[str, ...] = ()
    build_id: str | None = None
    floor: tuple[str, tuple[int, ...]] | None = None
    padding: int = 0
    debug: int = 0
    symbols: bool = False
    core: str | None = None
    witnesses: tuple[Witness, ...] = ()
    gpu: tuple[GpuCode, ...] = ()

    @cached_property
    def exported(self) -> Mapping[str, tuple[Export, ...]]:
        """The exports by name; several where a symbol has several versions."""
        found: dict[str, tuple[Export, ...]] = {}
        for export in self.exports:
            found[export.name] = (*found.get(export.name, ()), export)
        return found

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """The Python modules it initialises (PEP 489: ``PyInit_NAME``), usually none or one."""
        prefixes = ("PyInit_", "_PyInit_", "PyModExport_", "_PyModExport_")
        return tuple(
            sorted(
                {
                    export.name.removeprefix(prefix)
                    for export in self.exports
                    for prefix in prefixes
                    if export.name.startswith(prefix)
                }
            )
        )


@dataclass(frozen=True, kw_only=True)
class NativeFile:
    """One file: ``path`` as installed below site-packages, with ``/``; sizes in bytes.

    ``packed`` is what it takes in its wheel, None for an installed one. ``images`` is Unreadable
    for a file that begins like a binary and is none.
    """

    path: str
    size: int
    packed: int | None
    sha256: str
    images: tuple[Image, ...] | Unreadable

    @property
    def filename(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def readable(self) -> tuple[Image, ...]:
        return () if isinstance(self.images, Unreadable) else self.images

    @property
    def is_extension(self) -> bool:
        """Whether Python imports it as a module; all else is a library or a program."""
        return any(image.modules for image in self.readable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What a software bill of materials names (PEP 770, CycloneDX): a library and its version."""

    name: str
    version: str | None = None
    purl: str | None = None


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A wheel, or an installed project, and the native files it brings.

    ``filename`` is the wheel's name or that of the `*.dist-info` folder, ``origin`` where it was
    found, for people. ``size`` is the wheel's, in bytes. ``external`` are its Requires-External
    lines, ``nativelib`` what it says of
    libraries that it brings for others or expects; ``notes`` what could not be read, in words.
    """

    project: NormalizedName
    version: Version
    filename: str
    origin: str
    tags: frozenset[Tag] = frozenset()
    files: tuple[NativeFile, ...] = ()
    size: int | None = None
    components: tuple[Component, ...] = ()
    external: tuple[str, ...] = ()
    nativelib: NativeLib | None = None
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.project} {self.version}"
