"""What a project declares that its wheels need and its sdist does not: written into the wheels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.features.amend.operations import Step, with_added
from trueup.features.amend.subject import Kind, Subject
from trueup.model.artifact import SdistName, parse_filename
from trueup.model.declaration import Declaration, parse_declaration
from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.model.metadata import Unreadable
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.archive import read_sdist
from trueup.sources.limits import Limits, check_size

__all__ = ["Declared", "find_declaration", "read_declaration", "versions_in"]

_PYPROJECT = "pyproject.toml"
_EXAMPLE = 'declare it: `[tool.trueup.wheels]` with `requires = ["scipy-openblas64==0.3.30.0.4"]`'


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Adds `[tool.trueup.wheels] requires`, and `as-built` as `==` the version built against.

    ``installed`` are the versions in the build environment (None: it is not known, which
    `as-built` does not allow). sdists stay as they are.
    """

    declaration: Declaration
    installed: Mapping[NormalizedName, Version] | None = None

    def apply(self, subjects: Sequence[Subject]) -> Step:
        if all(subject.kind is Kind.SDIST for subject in subjects):
            raise UsageError("`--declared` is for wheels; the sdist stays as it is")
        notes: list[str] = []
        pins = [self._pin(name, notes) for name in self.declaration.as_built]
        after = []
        for subject in subjects:
            if subject.kind is Kind.SDIST:
                after.append(subject)
                continue
            _check_pins(subject, pins)
            after.append(with_added(subject, [*self.declaration.wheels_require, *pins]))
        return Step(subjects=tuple(after), notes=tuple(notes))

    def _pin(self, name: str, notes: list[str]) -> Requirement:
        if self.installed is None:
            raise UsageError(
                f"`as-built` names `{name}`, and the build environment is not known",
                hint="name it with `--build-env`, a virtual environment or its `site-packages`",
            )
        version = self.installed.get(canonicalize_name(name))
        if version is None:
            raise UsageError(
                f"`as-built` names `{name}`, which is not installed in the build environment"
            )
        if version.local is not None:
            notes.append(f"`{name}=={version}` can only be met where that local build is listed")
        return parse_requirement(f"{name}=={version}")


def _check_pins(subject: Subject, pins: Sequence[Requirement]) -> None:
    """A wheel that is pinned to another version was not built in that environment."""
    for text in subject.metadata.values("requires-dist"):
        try:
            present = parse_requirement(text)
        except ValueError:
            continue
        operators = [item.operator for item in present.specifier]
        for pin in pins:
            if present.project == pin.project and operators == ["=="] and present != pin:
                raise TrueupError(
                    "is pinned to another version than the build environment has",
                    found=f"`{text}`",
                    expected=f"`{pin}`",
                    place=(str(subject.path),),
                )


def find_declaration(
    given: Path | None, subjects: Sequence[Subject], *, directory: Path
) -> tuple[Declaration, str]:
    """The declaration and where it stands.

    ``given`` is a `pyproject.toml`, the tree that holds it, or an sdist. Otherwise it is the sdist
    of the same release beside the wheels, then `pyproject.toml` in ``directory``. Raises UsageError
    if there is none.
    """
    path = given if given is not None else _sdist_beside(subjects)
    if path is None:
        path = directory / _PYPROJECT
        if not path.exists():
            raise UsageError(
                "there is no declaration: no sdist lies beside the wheels, and there is no "
                "`pyproject.toml` here",
                hint="name one with `--from`",
            )
    declaration = read_declaration(path)
    if path.is_dir():
        path /= _PYPROJECT
    if declaration is None or not (declaration.wheels_require or declaration.as_built):
        raise UsageError(
            "declares nothing that wheels need besides", hint=_EXAMPLE, place=(str(path),)
        )
    return declaration, str(path)


def _sdist_beside(subjects: Sequence[Subject]) -> Path | None:
    releases = {(subject.project, subject.version) for subject in subjects}
    for subject in subjects:
        if subject.kind is Kind.INSTALLED:
            continue
        for path in sorted(subject.path.parent.iterdir()):
            name = parse_filename(path.name, subject.project)
            if isinstance(name, SdistName) and (name.project, name.version) in releases:
                return path
    return None


def read_declaration(path: Path) -> Declaration | None:
    """What a `pyproject.toml`, the tree that holds it, or an sdist declares; None for nothing.

    Raises TrueupError if it cannot be read.
    """
    if path.is_dir():
        path /= _PYPROJECT
    limit = Limits().pyproject
    try:
        with path.open("rb") as file:
            if path.suffix == ".toml":
                data = file.read(limit + 1)
                check_size("it", len(data), limit)
                return parse_declaration(data.decode())
            found = read_sdist(file, filename=path.name).declaration
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8, as TOML must be", place=(str(path),)) from error
    except TrueupError as error:
        raise error.within(str(path)) from error
    if isinstance(found, Unreadable):
        raise TrueupError(found.reason, hint=found.hint, place=(str(path), _PYPROJECT))
    return found


def versions_in(environment: Path) -> Mapping[NormalizedName, Version]:
    """What is installed in a virtual environment, or in a folder of packages; nothing is run.

    Raises UsageError if nothing is.
    """
    folders = [*environment.glob("lib/python*/site-packages"), environment / "Lib/site-packages"]
    folders = [folder for folder in folders if folder.is_dir()] or [environment]
    found: dict[NormalizedName, Version] = {}
    for item in distributions(path=[str(folder) for folder in folders]):
        try:
            found.setdefault(canonicalize_name(item.metadata["Name"]), Version(item.version))
        except (InvalidVersion, KeyError, TypeError, AttributeError):
            continue  # what has no name or version cannot be what a wheel was built against
    if not found:
        raise UsageError(
            "holds no installed distribution",
            hint="name a virtual environment, or its `site-packages`",
            place=(str(environment),),
        )
    return found
