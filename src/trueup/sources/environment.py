"""Build environments: a Python with the build requirements of an sdist, from wheels only.

An sdist among the requirements would run foreign code with a network and with the user's rights;
it is refused. No Python is started in an environment once something is installed there, for a
wheel may hold a `.pth` file, which is code: when more is needed, a new environment is made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from packaging.requirements import Requirement
from packaging.tags import Tag
from packaging.utils import canonicalize_name

from trueup.model.artifact import WheelName
from trueup.model.errors import NotFoundError, SourceError, TrueupError
from trueup.model.proof import Installed
from trueup.sources.interpreter import Interpreter
from trueup.sources.source import Source

__all__ = ["BuildEnvironment", "Environments"]

_TIMEOUT = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEnvironment:
    """A folder with a Python, and what is installed in it, sorted by name."""

    folder: Path
    interpreter: Interpreter
    installed: tuple[Installed, ...]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"


class Environments:
    """Makes environments, each once; a context manager whose end removes them all.

    ``wheelhouse`` is a folder to install from, and then nothing is fetched; otherwise pip asks
    ``index``, or what it is configured with. ``source`` lists the same place, to find the lowest
    versions. Safe to use from several threads.
    """

    def __init__(
        self,
        *,
        source: Source,
        environ: Mapping[str, str],
        wheelhouse: Path | None = None,
        index: Sequence[str] = (),
    ) -> None:
        self._source = source
        self._environ = environ
        self._wheelhouse = wheelhouse
        self._index = tuple(index)
        self._made: dict[tuple[object, ...], BuildEnvironment | TrueupError] = {}
        self._lock = Lock()
        self._stack = ExitStack()
        self._root = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="trueup-env-"))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def make(self, interpreter: Interpreter, requirements: Iterable[str]) -> BuildEnvironment:
        """An environment with the newest versions that the requirements allow.

        Raises SourceError if a requirement has no wheel that fits.
        """
        wanted = tuple(sorted(set(requirements)))
        key = (interpreter.executable, wanted)
        with self._lock:
            if key not in self._made:
                try:
                    self._made[key] = self._make(interpreter, wanted)
                except TrueupError as error:
                    self._made[key] = error
            made = self._made[key]
        if isinstance(made, TrueupError):
            raise made
        return made

    def lowest(self, interpreter: Interpreter, requirements: Iterable[str]) -> tuple[str, ...]:
        """The requirements, pinned to the lowest version of which there is a wheel that fits.

        Those without a lower bound stay as they are: nobody means the very first setuptools.
        """
        tags = _tags(interpreter)
        return tuple(self._lowest(text, tags) for text in sorted(set(requirements)))

    def _lowest(self, text: str, tags: frozenset[Tag]) -> str:
        requirement = Requirement(text)
        bounded = any(one.operator in (">=", "~=", ">") for one in requirement.specifier)
        if not bounded or requirement.url:
            return text
        try:
            files = self._source.listing(canonicalize_name(requirement.name)).files
        except NotFoundError:
            return text
        fitting = [
            file.name.version
            for file in files
            if isinstance(file.name, WheelName)
            and file.yanked is None
            and file.name.tags & tags
            and requirement.specifier.contains(file.name.version)
        ]
        if not fitting:
            return text
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        marker = f"; {requirement.marker}" if requirement.marker else ""
        return f"{requirement.name}{extras}=={min(fitting)}{marker}"

    def _make(self, interpreter: Interpreter, wanted: Sequence[str]) -> BuildEnvironment:
        folder = self._root / f"{interpreter.label}-{len(self._made)}"
        _checked(
            [interpreter.executable, "-I", "-m", "venv", "--without-pip", folder],
            self._environ,
            "the build environment cannot be made",
        )
        installed: tuple[Installed, ...] = ()
        if wanted:
            installed = self._install(folder, wanted)
        # The code inside runs as somebody else, and has to read what it builds with.
        self._root.chmod(0o755)
        return BuildEnvironment(folder=folder, interpreter=interpreter, installed=installed)

    def _install(self, folder: Path, wanted: Sequence[str]) -> tuple[Installed, ...]:
        report = folder / "report.json"
        listing = folder / "requirements.txt"
        listing.write_text("\n".join(wanted) + "\n")
        places: list[str | Path] = []
        if self._wheelhouse is not None:
            places = ["--no-index", "--find-links", self._wheelhouse]
        elif self._index:
            places = ["--index-url", self._index[0]]
            for url in self._index[1:]:
                places += ["--extra-index-url", url]
        environ = {
            name: value
            for name, value in self._environ.items()
            if name not in ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_PYTHON", "PYTHONPATH")
        }
        _checked(
            [
                *(sys.executable, "-I", "-m", "pip", "--python", folder / "bin/python"),
                *("install", "--quiet", "--no-input", "--disable-pip-version-check"),
                *("--only-binary", ":all:", "--report", report, *places, "-r", listing),
            ],
            environ,
            "the build requirements cannot be installed from wheels: "
            + ", ".join(f"`{text}`" for text in wanted),
            hint="an sdist among them is refused: to build it would run foreign code with a "
            "network; give a folder of wheels with `--wheelhouse`",
        )
        return tuple(sorted(_installed(json.loads(report.read_bytes())), key=lambda one: one.name))


def _installed(report: Any) -> list[Installed]:
    """What pip's installation report says (packaging specifications, "pip install --report")."""
    found = []
    for entry in report["install"]:
        hashes = entry["download_info"].get("archive_info", {}).get("hashes", {})
        found.append(
            Installed(
                name=canonicalize_name(entry["metadata"]["name"]),
                version=entry["metadata"]["version"],
                sha256=hashes.get("sha256"),
            )
        )
    return found


def _tags(interpreter: Interpreter) -> frozenset[Tag]:
    """The tags that the interpreter accepts, apart from its own ABI's details."""
    from packaging.tags import compatible_tags, cpython_tags

    return frozenset(
        [*cpython_tags(interpreter.minor), *compatible_tags(interpreter.minor, interpreter="cp")]
    )


def _checked(
    command: Sequence[str | Path],
    environ: Mapping[str, str],
    what: str,
    hint: str | None = None,
) -> None:
    done = subprocess.run(  # noqa: S603 - our own Python and its pip
        command,
        env={**environ, "PATH": environ.get("PATH", os.defpath)},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        last = (lines or done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise SourceError(what, found=last.removeprefix("ERROR: "), hint=hint)
