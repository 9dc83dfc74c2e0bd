"""How a scenario is written: releases with their files, what a user asks for, and where.

Scenario(
    name="a-plat",
    about="each system's wheel asks for a library of its own",
    files=(
        wheel("demo 1.0 cp312-cp312-win_amd64", "winlib"),
        *pure("winlib 1.0"),
    ),
    roots=("demo",),
)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer, Sidecar
from tests.scenarios.machines import Machine, machines

__all__ = ["LINUX", "MACOS", "MUSL", "WINDOWS", "File", "Scenario", "pure", "sdist", "wheel"]

LINUX = "cp312-linux-x86_64-glibc2.17"
MUSL = "cp312-linux-x86_64-musl1.2"
MACOS = "cp312-macos-arm64-11.0"
WINDOWS = "cp312-windows-amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a release, as its own metadata has it.

    ``tag`` is empty for an sdist; ``dynamic`` are the fields its `Dynamic` lists; ``page_python``
    is what the index page says of the Python (by default what the file says); ``yanked`` is the
    reason (None: not yanked).
    """

    project: str
    version: str
    tag: str = ""
    build: str = ""
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    python: str | None = None
    page_python: str | None = None
    dynamic: tuple[str, ...] = ()
    metadata: str = "2.4"
    yanked: str | None = None

    @property
    def name(self) -> str:
        stem = f"{self.project.replace('-', '_')}-{self.version}"
        if not self.tag:
            return f"{stem}.tar.gz"
        return f"{stem}-{self.build}-{self.tag}.whl" if self.build else f"{stem}-{self.tag}.whl"

    def write(self, folder: Path) -> Path:
        """Build the file in a folder."""
        if not self.tag:
            return make_sdist(
                folder, self.project, self.version,
                requires=self.requires, extras=self.extras, requires_python=self.python,
                headers=[("Dynamic", field) for field in self.dynamic],
                metadata_version=self.metadata,
                pyproject='[build-system]\nrequires = []\nbuild-backend = "absent"\n',
            )  # fmt: skip
        return make_wheel(
            folder, self.project, self.version,
            tags=self.tag, build=self.build or None, requires=self.requires, extras=self.extras,
            requires_python=self.python, metadata_version=self.metadata,
        )  # fmt: skip


def wheel(
    what: str,
    *requires: str,
    build: str = "",
    extras: str = "",
    python: str | None = None,
    page_python: str | None = None,
    yanked: str | None = None,
) -> File:
    """``wheel("demo 1.0 cp312-cp312-win_amd64", "numpy>=1; extra == 'fast'", extras="fast")``."""
    project, version, tag = what.split()
    return File(
        project=project, version=version, tag=tag, build=build, requires=requires,
        extras=tuple(extras.split()), python=python, page_python=page_python, yanked=yanked,
    )  # fmt: skip


def sdist(
    what: str,
    *requires: str,
    extras: str = "",
    dynamic: tuple[str, ...] = (),
    metadata: str = "2.4",
    python: str | None = None,
) -> File:
    """``sdist("demo 1.0", "numpy", dynamic=("Requires-Dist",))``."""
    project, version = what.split()
    return File(
        project=project, version=version, requires=requires, extras=tuple(extras.split()),
        dynamic=dynamic, metadata=metadata, python=python,
    )  # fmt: skip


def pure(*whats: str) -> tuple[File, ...]:
    """``pure("liba 1.0 2.0", "libb 1.0")``: pure wheels that ask for nothing."""
    return tuple(
        wheel(f"{project} {version} py3-none-any")
        for project, *versions in map(str.split, whats)
        for version in versions
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Releases, the requirements of a user, and the targets a lock must serve.

    ``patches`` are the patch releases of Python that tell machines apart; ``unserved`` are the
    targets that no lock can serve, as no file would be right there: only those may be refused.
    ``unbuilt`` are those that nothing but an sdist without a promise serves: refusing is right,
    and so is a lock that says it builds. ``agrees`` marks the controls.
    """

    name: str
    about: str
    files: tuple[File, ...]
    roots: tuple[str, ...] = ("demo",)
    targets: tuple[str, ...] = (LINUX, MUSL, MACOS, WINDOWS)
    patches: tuple[int, ...] = ()
    unserved: frozenset[str] = frozenset()
    unbuilt: frozenset[str] = frozenset()
    agrees: bool = False

    @property
    def withdrawn(self) -> frozenset[str]:
        """The names of the yanked files."""
        return frozenset(file.name for file in self.files if file.yanked is not None)

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All machines that the targets stand for."""
        return tuple(m for target in self.targets for m in machines(target, self.patches))

    @property
    def requires_python(self) -> str:
        """The Python versions of the targets, for tools that want them as one range."""
        minors = sorted({int(target.split("-")[0].strip("cpt")[1:]) for target in self.targets})
        return f">=3.{minors[0]},<3.{minors[-1] + 1}"

    def write(self, folder: Path) -> None:
        """Build all files in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.files:
            file.write(folder)

    def serve(self, folder: Path, server: IndexServer) -> None:
        """Put the files, which `write` has built in the folder, on an index; nothing else is there."""
        server.projects.clear()
        for file in self.files:
            server.add(
                file.name,
                folder / file.name,
                requires_python=file.page_python or file.python,
                yanked=file.yanked,
                sidecar=Sidecar.NONE,
            )
