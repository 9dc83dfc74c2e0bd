"""Where foreign code may run: bubblewrap, without network, without the host, within limits.

Bubblewrap limits neither memory nor processes. Where we may make control groups, they do; in any
case the code runs under a user id of its own, so that the limits of processes hold (a process of
root ignores RLIMIT_NPROC), and writes to a file system in memory that has a size.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from trueup.model.errors import SourceError
from trueup.sources.cgroup import ControlGroup, make_control_group
from trueup.sources.layout import BOX, identity_files, layout
from trueup.sources.process import Ended, result_pipe, run_process
from trueup.sources.seccomp import namespace_filter

__all__ = [
    "RESULTS",
    "Allowance",
    "Bubblewrap",
    "Ended",
    "Job",
    "Sandbox",
    "Unconfined",
    "open_sandbox",
]

_GIB = 1024**3
_RESULTS = _GIB // 2
"""Bytes that a run may give back."""
_NOTHING: Mapping[str, str] = MappingProxyType({})
_FIRST_ID, _IDS = 61184, 4336
"""The user ids that systemd gives to services for their lifetime: no person and no file has one."""
_HELPERS = ("bwrap", "setpriv", "prlimit")
_INSTALL = "install bubblewrap (`apt-get install bubblewrap`)"
_AT_OWN_RISK = "`--no-sandbox` runs the code of the sdist unconfined, with your rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one run may use: wall-clock ``seconds``, bytes of ``memory``, ``processes`` at a time,
    and bytes on ``disk`` (a file system in memory, which is gone afterwards).
    """

    seconds: float = 600
    memory: int = 4 * _GIB
    processes: int = 256
    disk: int = 2 * _GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command to run inside.

    ``visible`` are host paths that can be read inside, at the same place; ``results`` in
    ``command`` stands for the number of a file descriptor, and what is written there comes back.
    ``environment`` is the whole environment: nothing of the host's is added but a `PATH`.
    """

    command: tuple[str, ...]
    visible: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    allowance: Allowance = field(default_factory=Allowance)


RESULTS = "{results}"
"""Stands in a command for the number of the descriptor that takes the results."""


class Sandbox(Protocol):
    """A place to run foreign code; ``mechanism`` says in words what confines it there."""

    @property
    def mechanism(self) -> str: ...

    @property
    def confined(self) -> bool: ...

    @property
    def box(self) -> str:
        """The folder inside that can be written to."""
        ...

    def run(self, job: Job) -> Ended:
        """Run one command to its end, or to the end of its allowance."""
        ...


def open_sandbox(*, confined: bool = True) -> Sandbox:
    """The sandbox of this machine; raises SourceError where there is none.

    ``confined=False`` is the user's own word that the code may run unconfined.
    """
    if not confined:
        return Unconfined()
    missing = [name for name in _HELPERS if shutil.which(name) is None]
    if missing:
        names = " and ".join(f"`{name}`" for name in missing)
        raise SourceError(
            f"foreign code is run in a sandbox only, and {names} cannot be found",
            hint=f"{_INSTALL}; {_AT_OWN_RISK}",
        )
    sandbox = Bubblewrap()
    probe = sandbox.run(Job(command=("true",), allowance=Allowance(seconds=20)))
    if probe.status != 0:
        lines = probe.log.strip().splitlines()
        raise SourceError(
            "the sandbox does not work on this machine",
            found=lines[-1] if lines else f"exit status {probe.status}",
            hint="a container needs the right to make namespaces (`CAP_SYS_ADMIN`, or user "
            f"namespaces for everyone); {_AT_OWN_RISK}",
        )
    return sandbox


class Bubblewrap:
    """Runs each job in a sandbox of its own. Several may run at a time."""

    confined = True
    box = BOX

    def __init__(self, *, control_groups: bool = True) -> None:
        self._control_groups = control_groups
        self._root = os.geteuid() == 0

    @property
    def mechanism(self) -> str:
        """What confines a run, in words."""
        limits = "memory is limited process by process"
        with self._control_group(Allowance()) as group:
            if group is not None:
                limits = f"control groups (version {group.version}) limit memory and processes"
        identity = "a user id of its own" if self._root else "a user namespace"
        return f"bubblewrap without network, {identity}, {limits}"

    def run(self, job: Job) -> Ended:
        identity = _FIRST_ID + secrets.randbelow(_IDS) if self._root else os.getuid()
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trueup-box-")))
            group = stack.enter_context(self._control_group(job.allowance))
            results = stack.enter_context(result_pipe())
            inherited = [results.writer]
            options = [*_options(folder, job, identity, self._root)]
            program = namespace_filter(platform.machine())
            if program is not None:
                code = stack.enter_context(tempfile.TemporaryFile())
                code.write(program)
                code.seek(0)
                options += ["--seccomp", str(code.fileno())]
                inherited.append(code.fileno())
            command = [
                *_joining(group),
                *("bwrap", *options, "--"),
                *_dropped(identity, self._root),
                *_limited(job.allowance),
                *_filled(job.command, results.writer),
            ]
            ended = run_process(
                command,
                pipe=results,
                inherited=inherited,
                environment={"PATH": _PATH},
                seconds=job.allowance.seconds,
                size=min(job.allowance.disk, _RESULTS),
            )
            if ended.stopped != "time" and group is not None:
                return _with_group(ended, group)
            return ended

    @contextmanager
    def _control_group(self, allowance: Allowance) -> Iterator[ControlGroup | None]:
        group = None
        if self._control_groups:
            # What lies in the file system in memory counts as memory of the group.
            memory = allowance.memory + allowance.disk
            group = make_control_group(memory=memory, processes=allowance.processes + 8)
        if group is None:
            yield None
            return
        with group:
            yield group


class Unconfined:
    """Runs jobs with the user's rights, with nothing but a clean environment and a time limit."""

    confined = False
    mechanism = "none: the code runs with your rights, limited in time only"

    def __init__(self) -> None:
        self.box = tempfile.mkdtemp(prefix="trueup-bare-")
        weakref.finalize(self, shutil.rmtree, self.box, ignore_errors=True)

    def run(self, job: Job) -> Ended:
        for name in ("home", "tmp"):
            (Path(self.box) / name).mkdir(exist_ok=True)
        with result_pipe() as results:
            return run_process(
                _filled(job.command, results.writer),
                pipe=results,
                inherited=[results.writer],
                environment={**_environment(self.box), **job.environment},
                seconds=job.allowance.seconds,
                size=min(job.allowance.disk, _RESULTS),
            )


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _environment(box: str) -> dict[str, str]:
    names = {"HOME": "home", "TMPDIR": "tmp"}
    folders = {name: f"{box}/{folder}" for name, folder in names.items()}
    return {"PATH": _PATH, "LC_ALL": "C.UTF-8", **folders}


def _options(folder: Path, job: Job, identity: int, root: bool) -> Iterator[str]:
    """The options of bubblewrap, in their order."""
    yield from ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
    yield from ("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv")
    yield from ("--hostname", "sandbox")
    if root:
        for capability in ("SETUID", "SETGID", "SETPCAP"):
            yield from ("--cap-add", f"CAP_{capability}")
    else:
        yield from ("--unshare-user",)
    for name, value in {**_environment(BOX), **job.environment}.items():
        yield from ("--setenv", name, value)
    yield from layout(job.visible, size=job.allowance.disk, files=identity_files(folder, identity))
    yield from ("--chdir", BOX)


def _joining(group: ControlGroup | None) -> Sequence[str]:
    """A shell that enters the group and becomes what follows."""
    if group is None:
        return ()
    script = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'
    return ("/bin/sh", "-c", script, "sh", *group.entries, "--")


def _dropped(identity: int, root: bool) -> Sequence[str]:
    if not root:
        return ()
    number = str(identity)
    return (
        *("setpriv", "--reuid", number, "--regid", number, "--clear-groups", "--no-new-privs"),
        *("--inh-caps", "-all", "--bounding-set", "-all", "--"),
    )


def _limited(allowance: Allowance) -> Sequence[str]:
    return (
        "prlimit",
        f"--nproc={allowance.processes}",
        f"--as={allowance.memory}",
        f"--fsize={allowance.disk}",
        f"--cpu={int(allowance.seconds * 8) + 1}",
        "--core=0",
        "--nofile=1024",
        "--",
    )


def _filled(command: Sequence[str], descriptor: int) -> list[str]:
    return [str(descriptor) if word == RESULTS else word for word in command]


def _with_group(ended: Ended, group: ControlGroup) -> Ended:
    stopped = None
    if group.out_of_memory():
        stopped = "memory"
    elif ended.status and group.out_of_processes():
        stopped = "processes"
    return ended if stopped is None else replace(ended, stopped=stopped)
