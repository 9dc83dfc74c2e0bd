"""trueup as a library: the functions that `import trueup` offers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from trueup.judge.advice import advise
from trueup.judge.judgement import Judgement
from trueup.judge.reconcile import classify as classify_wheels
from trueup.judge.rule import RuleSettings
from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.errors import TrueupError, UsageError
from trueup.model.finding import Advice, ReleaseClass, Report
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.release import How, Reading, Release, ReleaseFile
from trueup.model.target import Target, parse_targets
from trueup.model.watcher import Watcher

if TYPE_CHECKING:
    from trueup.interfaces.wanted import Places

__all__ = ["advice", "check", "classify", "release_of"]

Targets = str | Iterable[str | Target]


def check(
    target: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    *,
    named_in: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    index: str | Iterable[str] = (),
    targets: Targets = (),
    fields: Iterable[str] | None = None,
    settings: RuleSettings | None = None,
    known: Iterable[str] = (),
    deep: bool = False,
    suggest: bool = False,
    keep: bool = True,
    jobs: int = 8,
    watcher: Watcher | None = None,
) -> Report:
    """Judge releases, as `trueup check` does.

    ``target`` is what the command line takes, one or several: a folder of sdists and wheels, such
    files, ``NAME==VERSION``, ``NAME`` for the newest version, or the address of one file;
    ``named_in`` are requirements files and locks whose every release is judged.

    ``index`` gives addresses of Simple APIs, asked in this order; without it the configuration and
    the environment variables of uv and pip say where to look. ``targets`` limits the environments
    (``"cp312-linux-x86_64-glibc2.28"``, ``"linux"``; none: all), ``fields`` the core metadata
    fields, ``settings`` the rules. ``known`` are fingerprints of findings to leave out. ``deep``
    downloads whole files and verifies their hashes; ``suggest`` adds the merged metadata and
    work-arounds; ``keep`` uses the cache in the user's folder. ``[tool.trueup.check]`` in a
    `pyproject.toml` is not looked at.

    What could not be judged is in ``Report.failures``. Raises UsageError for a call that makes no
    sense, and SourceError for a folder or a lock that cannot be read.
    """
    # A resolver that judges its own parsed values needs none of what reads folders and indexes.
    from trueup.features.check import check as check_wanted
    from trueup.interfaces.wanted import collect

    with _places(index, keep=keep, watcher=watcher) as places:
        collected = collect(_texts(target), listed=_texts(named_in), places=places)
        report = check_wanted(
            collected.wanted,
            settings=settings,
            targets=_targets(targets),
            fields=None if fields is None else frozenset(map(str.lower, fields)),
            known=frozenset(known),
            deep=deep,
            suggest=suggest,
            jobs=jobs,
            watcher=watcher,
        )
    return Report(
        releases=report.releases,
        failures=(*collected.failures, *report.failures),
        known=report.known,
    )


def classify(
    release: Release | str,
    *,
    targets: Targets = (),
    index: str | Iterable[str] = (),
    keep: bool = True,
) -> ReleaseClass:
    """The class of a release's wheels: do they agree, and if not, can one list serve all.

    ``release`` is a parsed Release (nothing is fetched), or ``NAME==VERSION`` or ``NAME`` on an
    index; sdists do not count and are not fetched. If a wheel could not be read, the class is a
    lower bound: the wheels might agree less, never more. Raises NotFoundError, SourceError and
    UsageError.
    """
    if isinstance(release, str):
        release = _gathered(release, index, keep=keep, for_class_only=True)
    return max(
        (item.release_class for item in classify_wheels(release, _targets(targets))),
        key=lambda item: item.rank,
    )


def advice(
    release: Release | str,
    *,
    targets: Targets = (),
    index: str | Iterable[str] = (),
    keep: bool = True,
) -> Advice:
    """What a resolver may do with a release: `READ_ONE`, `PER_TARGET` or `UNKNOWN`.

    `READ_ONE`: the metadata of any file is that of all, wherever they are chosen; `PER_TARGET`: read
    the file that each target would choose; `UNKNOWN`: something is unread, or somewhere only an
    sdist is left that promises nothing. Arguments and errors as for :func:`classify`; the reason
    in words is in ``ReleaseReport.advice_reason`` of :func:`check`.
    """
    if isinstance(release, str):
        release = _gathered(release, index, keep=keep)
    limits = _targets(targets)
    judgement = Judgement(
        release=release, classifications=classify_wheels(release, limits), targets=limits
    )
    return advise(judgement)[0]


def release_of(files: Mapping[str, bytes | str | None], *, origin: str = "") -> Release:
    """A Release from metadata that the caller has already: file name → text of its METADATA file.

    None stands for a file that is not read. Raises UsageError if the names are not those of the
    sdists and wheels of one release.
    """
    parsed = {filename: parse_filename(filename) for filename in files}
    releases = set()
    for filename, name in parsed.items():
        if isinstance(name, OtherName):
            raise UsageError(name.reason, place=(filename,))
        releases.add((name.project, name.version))
    if len(releases) != 1:
        found = ", ".join(sorted(f"`{project} {version}`" for project, version in releases))
        raise UsageError("these are not the files of one release", found=found or "no files")
    ((project, version),) = releases
    return Release(
        project=canonicalize_name(project),
        version=version,
        files=tuple(
            ReleaseFile(
                artifact=Artifact(filename=filename, url=filename, name=parsed[filename]),
                reading=_reading(text),
            )
            for filename, text in files.items()
        ),
        origin=origin,
    )


def _reading(text: bytes | str | None) -> Reading:
    if text is None:
        return Reading(metadata=Unreadable(reason="was not given"), how=How.NOT_READ)
    data = text.encode() if isinstance(text, str) else text
    return Reading(metadata=parse_metadata(data), how=How.FILE)


def _gathered(
    text: str, index: str | Iterable[str], *, keep: bool, for_class_only: bool = False
) -> Release:
    from trueup.interfaces.target import AskedRelease, parse_target
    from trueup.sources.release import gather

    asked = parse_target(text, directory=Path.cwd())
    if not isinstance(asked, AskedRelease):
        raise UsageError(f"`{text}` is no `NAME==VERSION`", hint="`trueup.check` takes paths")
    with _places(index, keep=keep, watcher=None) as places:
        try:
            return gather(
                places.configured(), asked.project, asked.version, for_class_only=for_class_only
            )
        except TrueupError as error:
            error.within(text)
            raise


def _places(index: str | Iterable[str], *, keep: bool, watcher: Watcher | None) -> Places:
    from trueup.interfaces.wanted import Places

    return Places(
        index=(index,) if isinstance(index, str) else tuple(index),
        environ=os.environ,
        directory=Path.cwd(),
        keep=keep,
        watcher=watcher,
    )


def _texts(values: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    if isinstance(values, str | os.PathLike):
        values = (values,)
    return tuple(os.fspath(value) for value in values)


def _targets(targets: Targets) -> tuple[Target, ...]:
    found: dict[Target, None] = {}
    for target in (targets,) if isinstance(targets, str) else targets:
        parsed = (target,) if isinstance(target, Target) else parse_targets(target)
        found.update(dict.fromkeys(parsed))
    return tuple(found)
