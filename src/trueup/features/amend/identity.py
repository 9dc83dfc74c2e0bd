"""Under which name an amended file goes: its own, with a build tag, or as a local version."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from trueup.features.amend.subject import Kind, Subject
from trueup.model.artifact import Artifact, WheelName
from trueup.model.errors import NotFoundError, UsageError
from trueup.sources.source import Source

__all__ = ["Identity", "Named", "Naming", "name_all"]

_CLOSED_AFTER = timedelta(days=14)


class Identity(StrEnum):
    """The choice of `--identity`."""

    KEEP = "keep"
    BUILD = "build"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """``identity`` None means: `build` for what an index lists, `keep` for the rest.

    ``local`` is the label of a local version (`nl.1`); ``index`` is asked what is published
    (None: nobody is asked); ``now`` is for the warning that a release is closed.
    """

    identity: Identity | None = None
    local: str | None = None
    index: Source | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A target with its new file name; ``build`` and ``version`` are None where they stay."""

    subject: Subject
    filename: str
    build: str | None = None
    version: Version | None = None


def name_all(
    changed: Sequence[Subject], everything: Sequence[Subject], naming: Naming
) -> tuple[tuple[Named, ...], tuple[str, ...]]:
    """The names of the targets that change, and what is worth saying about them.

    ``everything`` are all targets, whose build tags count as taken. Raises UsageError for a name
    that would give a published file another content.
    """
    notes: list[str] = []
    named: list[Named] = []
    for key in dict.fromkeys((item.project, item.version) for item in changed):
        own = [item for item in changed if (item.project, item.version) == key]
        known = _known(naming, key[0])
        listed = [file for file in known.values() if getattr(file.name, "version", 0) == key[1]]
        published = [item for item in own if item.path.name in known]
        identity = naming.identity or (Identity.BUILD if published else Identity.KEEP)
        _check(identity, own, published)
        match identity:
            case Identity.KEEP:
                named += [Named(subject=item, filename=item.path.name) for item in own]
            case Identity.BUILD:
                present = [item.artifact for item in everything if item.kind is Kind.WHEEL]
                build = str(_highest([*present, *listed], *key) + 1)
                named += [_with_build(item, build) for item in own]
                notes += _closed(f"{key[0]} {key[1]}", listed, naming.now)
            case Identity.LOCAL:
                version = _local_version(key[1], naming.local)
                named += [_with_version(item, version, known) for item in own]
                notes.append(
                    f"the public index accepts no local version such as `{version}`: "
                    "this is for an index of your own"
                )
    order = [item.path for item in changed]
    return tuple(sorted(named, key=lambda item: order.index(item.subject.path))), tuple(notes)


def _known(naming: Naming, project: NormalizedName) -> Mapping[str, Artifact]:
    """What the index lists of a project, by file name; nothing if it does not know it."""
    if naming.index is None:
        return {}
    try:
        return {file.filename: file for file in naming.index.listing(project).files}
    except NotFoundError:
        return {}


def _check(identity: Identity, own: Sequence[Subject], published: Sequence[Subject]) -> None:
    for item in own:
        place = (str(item.path),)
        if item.kind is not Kind.WHEEL and identity is not Identity.KEEP:
            raise UsageError(
                f"a {item.kind} has no build tag and gets no other version",
                hint="amend it by itself, with `--identity keep`",
                place=place,
            )
    for item in published:
        if item.kind is Kind.SDIST or identity is Identity.KEEP:
            raise UsageError(
                "is published, and no file may get other content under the same name",
                hint="give wheels a build tag (`--identity build`) or a local version (`--local`)",
                place=(str(item.path),),
            )


def _highest(files: Iterable[Artifact], project: NormalizedName, version: Version) -> int:
    numbers = [
        file.name.build[0]
        for file in files
        if isinstance(file.name, WheelName)
        and (file.name.project, file.name.version) == (project, version)
        and file.name.build
    ]
    return max(numbers, default=0)


def _with_build(subject: Subject, build: str) -> Named:
    """PEP 427: the build tag is the third component of the file name."""
    parts = subject.path.name.split("-")
    name = subject.artifact.name
    rest = parts[3:] if isinstance(name, WheelName) and name.build else parts[2:]
    return Named(subject=subject, filename="-".join([*parts[:2], build, *rest]), build=build)


def _with_version(subject: Subject, version: Version, known: Collection[str]) -> Named:
    parts = subject.path.name.split("-")
    changed = subject.with_values("version", [str(version)])
    filename = "-".join([parts[0], str(version), *parts[2:]])
    if filename in known:
        raise UsageError(
            f"`{filename}` is published already",
            hint="choose another label with `--local`",
            place=(str(subject.path),),
        )
    return Named(subject=replace(changed, version=version), filename=filename, version=version)


def _local_version(version: Version, label: str | None) -> Version:
    if not label:
        raise UsageError("`--identity local` needs a label", hint="give one: `--local nl.1`")
    joined = f"{version.local}.{label}" if version.local else label
    try:
        return Version(f"{version.public}+{joined}")
    except InvalidVersion as error:
        raise UsageError(
            "`--local`",
            found=f"`{label}`",
            expected="letters and digits, separated by dots, as in `nl.1` (PEP 440)",
        ) from error


def _closed(title: str, listed: Iterable[Artifact], now: datetime | None) -> list[str]:
    times = [file.upload_time for file in listed if file.upload_time is not None]
    if now is None or not times:
        return ["the public index closes a release to new files 14 days after its first upload"]
    age = now - min(times)
    if age <= _CLOSED_AFTER:
        return []
    return [
        f"{title} was first uploaded {age.days} days ago: the public index closes a release to "
        "new files after 14 days, so these are for an index of your own"
    ]
