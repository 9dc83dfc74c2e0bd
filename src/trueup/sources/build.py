"""Building an sdist, or only its metadata, in a sandbox, under a situation that the caller chooses."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import shutil
import sys
import tarfile
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.proof import Condition, Run
from trueup.sources.archive import read_wheel
from trueup.sources.environment import BuildEnvironment, Environments
from trueup.sources.interpreter import Interpreter, inspect
from trueup.sources.limits import Limits
from trueup.sources.process import Ended
from trueup.sources.sandbox import RESULTS, Allowance, Job, Sandbox
from trueup.sources.shown import shown
from trueup.sources.untar import Untar

__all__ = ["Builder", "Contents", "Situation", "pack_tree"]

_NONE: Mapping[str, str] = MappingProxyType({})
_LIMITS = Limits()
_LIBRARIES = ("build", "pyproject_hooks", "packaging")
_LEFT_OUT = frozenset(
    {"__pycache__", ".venv", "venv", ".tox", ".nox", "node_modules", ".mypy_cache", ".pytest_cache"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Under what a build runs.

    ``folder`` is the name of the folder to unpack in; ``environment`` adds to the variables of the
    hooks; ``lowest`` takes the lowest build requirements; ``clock`` shifts the time, in seconds;
    ``pretended`` is `SYS_PLATFORM,SYSTEM,MACHINE`. ``interpreter`` None means trueup's own.
    """

    folder: str = "build"
    environment: Mapping[str, str] = field(default_factory=lambda: _NONE)
    interpreter: Interpreter | None = None
    lowest: bool = False
    clock: int = 0
    pretended: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an sdist says before anything is built: how it is built, and its source files by name."""

    requires: tuple[str, ...]
    backend: str
    files: Mapping[str, bytes]

    def text(self, name: str) -> str | None:
        data = self.files.get(name)
        return None if data is None else data.decode("utf-8", "replace")

    @property
    def pkg_info(self) -> Metadata | Unreadable:
        data = self.files.get("PKG-INFO")
        return Unreadable(reason="has no `PKG-INFO`") if data is None else parse_metadata(data)


class Builder:
    """Builds one archive (an sdist, or a packed tree) as often as asked, also from several threads.

    The archive is copied, so that it cannot change between builds, and unpacked inside the sandbox
    alone. ``sha256`` is that of the archive. Raises UsageError where the extra is not installed.
    """

    def __init__(
        self,
        archive: Path,
        *,
        sandbox: Sandbox,
        environments: Environments,
        allowance: Allowance | None = None,
    ) -> None:
        self._libraries = _libraries()
        self._sandbox = sandbox
        self._environments = environments
        self._allowance = allowance or Allowance()
        self._folder = Path(tempfile.mkdtemp(prefix="trueup-sdist-"))
        self._folder.chmod(0o755)
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.filename = archive.name
        self._archive = self._folder / archive.name
        shutil.copyfile(archive, self._archive)
        self._archive.chmod(0o644)
        with self._archive.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._needed: dict[tuple[Path, tuple[str, ...]], tuple[str, ...]] = {}
        self._lock = Lock()
        self._runs = 0

    @cached_property
    def own(self) -> Interpreter:
        """trueup's own Python, without the environment it runs in."""
        return inspect(Path(sys.executable))

    @cached_property
    def contents(self) -> Contents:
        """The files that say how it is built; raises SourceError if it cannot be unpacked."""
        found = self._do("look", Situation(), None)
        answer = json.loads(found.pop("trueup.json"))
        return Contents(
            requires=tuple(map(str, answer["requires"])),
            backend=str(answer["backend"]),
            files=found,
        )

    def metadata(self, condition: Condition, situation: Situation) -> Run:
        """Build the metadata; a build that fails gives a Run with the reason."""
        return self._built("metadata", condition, situation)

    def wheel(self, condition: Condition, situation: Situation) -> Run:
        """Build the whole wheel; the Run holds its metadata, name and sha256."""
        return self._built("wheel", condition, situation)

    def sdist(self, situation: Situation) -> tuple[str, bytes]:
        """Build an sdist from a tree; its file name and bytes. Raises SourceError."""
        environment = self._environment(situation, "sdist")
        return next(iter(self._do("sdist", situation, environment).items()))

    def _built(self, action: str, condition: Condition, situation: Situation) -> Run:
        interpreter = situation.interpreter or self.own
        environment: BuildEnvironment | None = None
        wheel: tuple[str, str] | None = None
        metadata: Metadata | Unreadable
        try:
            environment = self._environment(situation, "wheel")
            found = self._do(action, situation, environment)
            name, data = next(iter(found.items()))
            if action == "wheel":
                wheel = (name, hashlib.sha256(data).hexdigest())
                inside = read_wheel(io.BytesIO(data), filename=name).metadata
            else:
                inside = data
            metadata = inside if isinstance(inside, Unreadable) else parse_metadata(inside)
        except TrueupError as error:
            metadata = Unreadable(reason=str(error), hint=error.hint)
        return Run(
            condition=condition,
            metadata=metadata,
            python=interpreter.version,
            installed=environment.installed if environment is not None else (),
            wheel=wheel,
        )

    def _environment(self, situation: Situation, kind: str) -> BuildEnvironment:
        """The environment with what `pyproject.toml` asks for and what the backend asks for."""
        interpreter = situation.interpreter or self.own
        requires = self.contents.requires
        if situation.lowest:
            requires = self._environments.lowest(interpreter, requires)
        first = self._environments.make(interpreter, requires)
        if kind != "wheel":
            return first
        key = (first.folder, requires)
        with self._lock:
            known = self._needed.get(key)
        if known is None:
            # Asked once for each environment, and in the plain situation: what a hook asks for
            # must not depend on the weather, and a second answer would need a second download.
            plain = Situation(interpreter=interpreter)
            answer = json.loads(self._do("requires", plain, first)["trueup.json"])
            known = tuple(map(str, answer["requires"]))
            with self._lock:
                self._needed[key] = known
        if _satisfied(known, first):
            return first
        if situation.lowest:
            known = self._environments.lowest(interpreter, known)
        return self._environments.make(interpreter, (*requires, *known))

    def _do(
        self, action: str, situation: Situation, environment: BuildEnvironment | None
    ) -> dict[str, bytes]:
        with self._lock:
            self._runs += 1
            # Outside a sandbox the folders of earlier runs are still there.
            number = "" if self._sandbox.confined else f"{self._runs}-"
        box = self._sandbox.box
        job = {
            "action": action,
            "archive": str(self._archive),
            "folder": f"{box}/{number}{situation.folder}",
            "out": f"{box}/{number}out",
            "python": str(environment.python) if environment else "",
            "environment": self._variables(situation, environment),
        }
        visible = [self._archive, *self._libraries, Path(__file__).with_name("inside.py")]
        visible += [Path(__file__).with_name("pretend"), self.own.prefix]
        if environment is not None:
            visible += [environment.folder, environment.interpreter.prefix]
        # Without -P (Python 3.11) the modules beside the script would hide the libraries.
        script = str(Path(__file__).with_name("inside.py"))
        command = (str(self.own.executable), "-B", "-P", script)
        ended = self._sandbox.run(
            Job(
                command=(*command, json.dumps(job), RESULTS),
                visible=tuple(
                    path for path in dict.fromkeys(visible) if not path.is_relative_to("/usr")
                ),
                environment={"PYTHONPATH": str(self._libraries[0].parent)},
                allowance=self._allowance,
            )
        )
        if ended.status != 0 or ended.stopped is not None:
            raise _failure(action, ended, self._allowance)
        return _unpacked(ended.results)

    def _variables(
        self, situation: Situation, environment: BuildEnvironment | None
    ) -> dict[str, str]:
        variables = {
            "PYTHONPATH": str(Path(__file__).with_name("pretend")),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if environment is not None:
            path = f"{environment.folder}/bin:/usr/local/bin:/usr/bin:/bin"
            variables |= {"PATH": path, "VIRTUAL_ENV": str(environment.folder)}
        if situation.clock:
            variables["TRUEUP_CLOCK"] = str(situation.clock)
        if situation.pretended is not None:
            variables["TRUEUP_PLATFORM"] = situation.pretended
            variables["TRUEUP_BACKEND"] = self.contents.backend.partition(":")[0]
        return {**variables, **situation.environment}


def _satisfied(requirements: Iterable[str], environment: BuildEnvironment) -> bool:
    """Whether all of them are there already; with a marker, an extra or an address nobody knows."""
    versions = {one.name: one.version for one in environment.installed}
    for text in requirements:
        requirement = Requirement(text)
        version = versions.get(canonicalize_name(requirement.name))
        plain = not (requirement.marker or requirement.extras or requirement.url)
        if not (plain and version and requirement.specifier.contains(version, prereleases=True)):
            return False
    return True


def _libraries() -> tuple[Path, ...]:
    """The folders of the libraries that run inside, all beside each other."""
    folders = []
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise UsageError(
                f"this needs `{name.replace('_', '-')}`, which is not installed",
                hint="install it with `pip install 'trueup[prove]'`",
            )
        folders.append(Path(spec.origin).parent)
    if len({folder.parent for folder in folders}) > 1:
        raise UsageError(
            "`build`, `pyproject-hooks` and `packaging` are installed in different folders",
            expected="one environment that holds them all",
            hint="install them with `pip install 'trueup[prove]'` into an environment of its own",
        )
    return tuple(folders)


def pack_tree(folder: Path, archive: Path) -> None:
    """Pack a project's folder, without what its developer's tools keep there."""

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if _LEFT_OUT & set(member.name.split("/")) else member

    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        packed.add(folder, arcname="tree", filter=kept)


def _unpacked(data: bytes) -> dict[str, bytes]:
    """What came back; it is the work of foreign code, so it is read as carefully as any archive."""
    archive = Untar(io.BytesIO(data), _LIMITS)
    found: dict[str, bytes] = {}
    while (member := archive.next()) is not None:
        if member.kind or member.size > len(data):
            raise SourceError("what the build gave back is malformed")
        found[member.name] = archive.read(member)
    if not found:
        raise SourceError("the build gave nothing back")
    return found


_ACTIONS = {
    "look": "the sdist cannot be unpacked and looked at",
    "requires": "its backend did not say what it needs",
    "metadata": "building its metadata failed",
    "wheel": "building its wheel failed",
    "sdist": "building its sdist failed",
}


def _failure(action: str, ended: Ended, allowance: Allowance) -> SourceError:
    what = _ACTIONS[action]
    mib = 1024**2
    reasons: dict[str, tuple[str, str | None]] = {
        "time": (f"it took more than {allowance.seconds:g} s", "`--time` allows more"),
        "memory": (
            f"it wanted more than {allowance.memory // mib:,} MiB of memory",
            "`--memory` allows more",
        ),
        "processes": (
            f"it wanted more than {allowance.processes} processes",
            "`--processes` allows more",
        ),
        "disk": (f"it wrote more than {allowance.disk // mib:,} MiB", "`--disk` allows more"),
        "network": (
            "it wants the network, and there is none in the sandbox",
            "a build that downloads is not reproducible; its build requirements are installed "
            "before it starts",
        ),
    }
    # A terminal obeys some characters, and these lines are the foreign code's own.
    lines = [shown(line.strip()) for line in ended.log.splitlines() if line.strip()]
    last = _telling(lines) if lines else f"exit status {ended.status}"
    if ended.stopped is not None:
        reason, hint = reasons[ended.stopped]
        told = last if ended.stopped == "network" else None
        return SourceError(f"{what}: {reason}", found=told, hint=hint)
    return SourceError(what, found=last)


def _telling(lines: list[str]) -> str:
    """The line of a log that tells most: the hook's own error, not that of who called it."""
    errors = [
        line
        for line in lines
        if line[:1].isalpha()
        and (":" in line or line.endswith("Error"))
        and not line.startswith(("Traceback", "subprocess.CalledProcessError", "build._exc"))
        and not line.startswith(("During handling", "File ", "pyproject_hooks", "build."))
        and any(word in line for word in ("Error", "error", "Exception", "rror:"))
    ]
    chosen = errors[-1] if errors else lines[-1]
    return chosen if len(chosen) <= 300 else f"{chosen[:297]}..."
