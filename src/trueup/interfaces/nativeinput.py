"""From what a user names to the distributions whose native files are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version

from trueup.interfaces.target import AskedAddress, AskedPath, AskedRelease, parse_target
from trueup.interfaces.wanted import Places
from trueup.judge.choice import Candidate, choose, page_specifiers
from trueup.judge.picks import picks_of
from trueup.model.artifact import Artifact, WheelName
from trueup.model.errors import NotFoundError, SourceError, TrueupError, UsageError
from trueup.model.grid import grid
from trueup.model.library import Distribution
from trueup.model.loading import Layout
from trueup.model.target import Target, target_set
from trueup.model.watcher import Watcher
from trueup.sources.index import artifact_of_url
from trueup.sources.lockfiles.read import read_lock
from trueup.sources.nativeinstalled import read_installed, site_packages_of
from trueup.sources.nativewheel import read_native_wheel
from trueup.sources.release import newest
from trueup.sources.running import this_target

__all__ = ["Gathered", "NativeInput"]


@dataclass(kw_only=True)
class Gathered:
    """What was read, the environments that are known as such, and what could not be read."""

    distributions: list[Distribution] = field(default_factory=list)
    layouts: list[Layout] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)


class NativeInput:
    """Reads wheels, folders, releases, locks and environments; faults are gathered, not raised.

    ``targets`` are the environments for which files of a release or a lock are taken (none: the
    running one); ``everything`` takes all wheels of a release instead.
    """

    def __init__(
        self,
        places: Places,
        *,
        targets: Sequence[Target] = (),
        everything: bool = False,
        watcher: Watcher | None = None,
    ) -> None:
        self._places = places
        self._targets = tuple(targets)
        self._everything = everything
        self._watcher = watcher or Watcher()
        self.gathered = Gathered()

    def add(self, text: str) -> None:
        """Read what one word of the command line names; raises UsageError for what is nothing."""
        asked = parse_target(text, directory=self._places.directory)
        match asked:
            case AskedPath(path=path) if path.is_dir():
                self._folder(path)
            case AskedPath(path=path) if path.suffix != ".whl":
                raise UsageError(
                    "is no wheel",
                    expected="a `.whl` file, a folder, or `NAME==VERSION`",
                    hint="`--lock` takes a lock, `--python` an interpreter",
                    place=(str(path),),
                )
            case AskedPath(path=path):
                self._wheels([path])
            case AskedRelease():
                with self._telling(text):
                    self._release(asked)
            case AskedAddress(url=url):
                self._download([artifact_of_url(url)])

    def add_lock(self, path: Path, environ: Mapping[str, str]) -> None:
        """Read the wheels that a lock gives to each target; raises TrueupError if it is none."""
        lock = read_lock(path, environ=environ)
        for target in self._targets or (this_target(),):
            space = grid([target])
            picks = picks_of(lock, space, target_set(space, [target]))
            files = [pick.artifact for entry in picks for pick in entry]
            wheels = [file for file in files if isinstance(file.name, WheelName)]
            for file in files:
                if file not in wheels:
                    reason = "is no wheel, so what it will bring is unknown"
                    self.gathered.failures.append((file.filename, reason))
            if not files:
                self.gathered.failures.append((str(path), f"installs nothing on {target}"))
                continue
            self._download(wheels)
            names = {file.filename for file in wheels}
            found = (one for one in self.gathered.distributions if one.filename in names)
            self.gathered.layouts.append(Layout(label=str(target), distributions=tuple(found)))

    def add_environment(self, path: Path) -> None:
        """Read what is installed beside a Python; raises NotFoundError if nothing is."""
        site = site_packages_of(path)
        found = read_installed(site)
        if not found:
            raise NotFoundError("holds no installed packages", place=(str(site),))
        self.gathered.distributions += found
        self.gathered.layouts.append(Layout(label=str(path), distributions=found))

    def _folder(self, path: Path) -> None:
        wheels = sorted(path.glob("*.whl"))
        if wheels:
            self._wheels(wheels)
            return
        try:
            self.add_environment(path)
        except NotFoundError as error:
            raise UsageError(
                "holds neither wheels nor installed packages", place=(str(path),)
            ) from error

    def _wheels(self, paths: Sequence[Path]) -> None:
        self._watcher.expect(len(paths))
        for path in paths:
            with self._telling(str(path)):
                self._wheel(path, str(path))
            self._watcher.done(path.name)

    def _wheel(self, path: Path, origin: str) -> None:
        try:
            with path.open("rb") as file:
                found = read_native_wheel(file, path.name, origin=origin)
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror or error}") from error
        self.gathered.distributions.append(found)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """One thing that cannot be read is told, and the others are read all the same."""
        try:
            yield
        except TrueupError as error:
            hint = f"; {error.hint}" if error.hint is not None else ""
            error.place = tuple(place for place in error.place if place != what)
            self.gathered.failures.append((what, f"{error}{hint}"))

    def _release(self, asked: AskedRelease) -> None:
        """Read the wheels of a release; of a bare name the newest that has one to read."""
        source = self._places.configured()
        listed = source.listing(asked.project).by_version()
        version = asked.version or newest(source, asked.project)
        if version not in listed:
            latest = newest(source, asked.project)
            raise NotFoundError(
                "is no release of it", hint=f"the newest is {latest}", place=(asked.text,)
            )
        files = _wheels_of(listed[version])
        chosen = self._wanted(files)
        if not chosen and asked.version is None:
            # As installers do: the newest release may be for newer Pythons alone.
            chosen = self._older(listed, version)
        if not chosen:
            raise NotFoundError(
                "has no wheel for this environment" if files else "has no wheels",
                hint="name another one with `--for`, or take all with `--all-wheels`"
                if files
                else None,
                place=(f"{asked.project}=={version}",),
            )
        self._download(chosen)

    def _older(
        self, listed: Mapping[Version, Sequence[Artifact]], version: Version
    ) -> list[Artifact]:
        """The wheels of the newest final release before ``version`` that has any to read."""
        for one in sorted((one for one in listed if one < version), reverse=True):
            files = [file for file in _wheels_of(listed[one]) if file.yanked is None]
            if not one.is_prerelease and (chosen := self._wanted(files)):
                return chosen
        return []

    def _wanted(self, files: Sequence[Artifact]) -> list[Artifact]:
        return list(files) if self._everything else list(self._chosen(files))

    def _chosen(self, files: Sequence[Artifact]) -> Iterator[Artifact]:
        targets = self._targets or (this_target(),)
        space = grid(targets)
        candidates = [
            Candidate(
                tags=file.name.tags,
                build=file.name.build,
                page_requires_python=page_specifiers(file),
            )
            for file in files
            if isinstance(file.name, WheelName)
        ]
        within = target_set(space, targets)
        for file, points in zip(files, choose(space, candidates).chosen, strict=True):
            if points & within:
                yield file

    def _download(self, artifacts: Sequence[Artifact]) -> None:
        """Fetch wheels one after the other, read each, and keep none."""
        known = {item.filename for item in self.gathered.distributions}
        self._watcher.expect(len(artifacts))
        for artifact in artifacts:
            if artifact.filename not in known:
                with self._telling(artifact.filename):
                    self._fetched(artifact)
            self._watcher.done(artifact.filename)

    def _fetched(self, artifact: Artifact) -> None:
        with TemporaryDirectory(prefix="trueup-wheel-") as folder:
            path = self._places.configured().download(artifact, Path(folder))
            self._wheel(path, artifact.url)


def _wheels_of(files: Sequence[Artifact]) -> list[Artifact]:
    return [file for file in files if isinstance(file.name, WheelName)]
