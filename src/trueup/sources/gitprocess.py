"""The `git` command: bounded in time and size, silent, without hooks, prompts or odd protocols."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trueup.model.errors import LimitError, SourceError, UsageError
from trueup.sources.limits import size_text

__all__ = ["Git", "Member"]

_STEP = 0.05
_SETTINGS = (
    f"core.hooksPath={os.devnull}", "core.fsmonitor=false", "core.askPass=",
    "credential.interactive=never", "gc.auto=0", "maintenance.auto=false",
    "submodule.recurse=false", "transfer.bundleURI=false", "advice.detachedHead=false",
)  # fmt: skip
# Variables that point Git at another repository than the one it is told to work in.
_DROPPED = frozenset(
    {
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE",
        "GIT_REPLACE_REF_BASE", "GIT_GRAFT_FILE", "GIT_TEMPLATE_DIR", "GIT_CONFIG", "SSH_ASKPASS",
    }
)  # fmt: skip
_ACCESS = re.compile(
    r"could not read (?:username|password)|authentication failed|permission denied|"
    r"terminal prompts disabled|host key verification failed",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One regular file of a commit: its path, its object and its size in bytes."""

    path: str
    sha: str
    size: int


class Git:
    """Runs Git. ``seconds`` is what one call may take, ``size`` how many bytes it may fetch.

    Every method raises SourceError if there is no Git or if it fails, with what it said, and
    LimitError beyond a limit.
    """

    def __init__(
        self, *, environ: Mapping[str, str], seconds: float = 600, size: int = 2 * 1024**3
    ) -> None:
        self._environ = environ
        self._seconds = seconds
        self._size = size

    def lookup(self, url: str, revision: str | None) -> str | None:
        """The commit of a branch or a tag (None: of the default branch), as the server has it now.

        A branch wins over a tag of the same name, as it does for pip. None if there is neither.
        """
        names = ["HEAD"]
        if revision is not None and revision != "HEAD":
            names = [f"refs/heads/{revision}", f"refs/tags/{revision}"]
            names += [revision] if revision.startswith("refs/") else []
            # Of a tag that is an object of its own it is the commit that counts.
            names = [form for name in names for form in (f"{name}^{{}}", name)]
        answer = self._run(["ls-remote", "--quiet", "--", url, *names], url=url)
        found = {}
        for line in answer.decode("utf-8", "replace").splitlines():
            sha, _, name = line.partition("\t")
            found[name] = sha
        return next((found[name] for name in names if name in found), None)

    def new(self, folder: Path) -> Path:
        """An empty repository in a new folder."""
        self._run(["init", "--quiet", "--bare", "--template=", "--", str(folder)])
        return folder

    def fetch(self, repository: Path, url: str, commit: str) -> None:
        """Fetch one commit without its history; all of it from a server that gives out no less."""
        try:
            self._fetch(repository, url, "--depth=1", commit)
        except SourceError:
            self.fetch_all(repository, url)

    def fetch_all(self, repository: Path, url: str) -> None:
        """Fetch all branches and tags with their history."""
        self._fetch(repository, url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")

    def _fetch(self, repository: Path, url: str, *what: str) -> None:
        options = [one for one in what if one.startswith("--")]
        wanted = [one for one in what if not one.startswith("--")]
        command = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
        ]
        self._run([*command, *options, "--", url, *wanted], repository, url=url)

    def commit(self, repository: Path, name: str) -> str | None:
        """The commit of a full or shortened name in a repository here; None if it has none."""
        try:
            answer = self._run(
                ["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"], repository
            )
        except SourceError:
            return None
        return answer.decode("ascii", "replace").strip() or None

    def members(self, repository: Path, commit: str) -> Iterator[Member]:
        """The regular files of a commit; those whose paths are no UTF-8 are passed over."""
        answer = self._run(["ls-tree", "-r", "-l", "-z", "--full-tree", commit], repository)
        for entry in answer.split(b"\0"):
            about, tab, name = entry.partition(b"\t")
            if not tab or not about.startswith(b"100"):
                continue  # a link or a submodule
            _, _, sha, size = about.split()
            with suppress(UnicodeDecodeError):
                yield Member(path=name.decode(), sha=sha.decode("ascii"), size=int(size))

    def contents(self, repository: Path, objects: Iterable[str]) -> Mapping[str, bytes]:
        """The bytes of objects by their names."""
        names = tuple(objects)
        asked = "".join(f"{name}\n" for name in names).encode("ascii")
        answer = self._run(["cat-file", "--batch"], repository, given=asked)
        found: dict[str, bytes] = {}
        start = 0
        for name in names:
            end = answer.index(b"\n", start)
            size = int(answer[start:end].split()[2])
            found[name] = answer[end + 1 : end + 1 + size]
            start = end + 1 + size + 1
        return found

    def pack(self, repository: Path, tree: str, archive: Path) -> None:
        """Write the files of a tree into a `.tar.gz`, under the folder `tree`."""
        command = ["archive", "--format=tar.gz", "--prefix=tree/", f"--output={archive}"]
        self._run([*command, tree], repository)

    def _run(
        self,
        arguments: Sequence[str],
        repository: Path | None = None,
        *,
        url: str | None = None,
        given: bytes = b"",
    ) -> bytes:
        """What Git prints; ``repository`` is watched, so that it does not outgrow its limit."""
        command = [self._program(), *(part for one in _SETTINGS for part in ("-c", one))]
        command += [f"--git-dir={repository}"] if repository is not None else []
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
            with tempfile.TemporaryFile() as asked:
                asked.write(given)
                asked.seek(0)
                process = subprocess.Popen(  # noqa: S603  (no shell; arguments are checked)
                    [*command, *arguments],
                    stdin=asked,
                    stdout=said,
                    stderr=told,
                    env=self._environment(url),
                    cwd=tempfile.gettempdir(),
                    # A terminal that it does not have cannot be used to ask for a password.
                    start_new_session=True,
                )
            try:
                self._wait(process, repository, said)
            finally:
                _end(process)
            told.seek(0)
            if process.returncode != 0:
                raise _failed(process.returncode, told.read(64 * 1024), arguments[0])
            said.seek(0)
            return said.read()

    def _program(self) -> str:
        found = shutil.which("git", path=self._environ.get("PATH"))
        if found is None:
            raise UsageError(
                "there is no `git` on this machine",
                expected="the command `git`, for a requirement from a Git repository",
                hint="install Git, or ask for a release of the project",
            )
        return found

    def _environment(self, url: str | None) -> dict[str, str]:
        kept = {name: value for name, value in self._environ.items() if name not in _DROPPED}
        scheme = url.partition(":")[0] if url is not None else "none"
        # An address may be rewritten by the user's `insteadOf`, yet not to something weaker.
        allowed = {"http": "http:https:ssh", "file": "file"}.get(scheme, "https:ssh")
        return {
            **kept,
            "GIT_ALLOW_PROTOCOL": allowed,
            "GIT_TERMINAL_PROMPT": "0",
            "GCM_INTERACTIVE": "never",
            "SSH_ASKPASS_REQUIRE": "never",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "LC_ALL": "C",
        }

    def _wait(
        self, process: subprocess.Popen[bytes], repository: Path | None, said: IO[bytes]
    ) -> None:
        deadline = time.monotonic() + self._seconds
        looked = time.monotonic()
        ended = False
        while not ended:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STEP)
                ended = True
            now = time.monotonic()
            if not ended and now > deadline:
                raise LimitError(
                    "Git takes too long",
                    found=f"no end after {self._seconds:g} s",
                    hint="try again, or fetch it by hand to see what it waits for",
                )
            if ended or now - looked > 1:
                looked = now
                size = os.fstat(said.fileno()).st_size
                size += _size_of(repository) if repository is not None else 0
                if size > self._size:
                    raise LimitError(
                        "the repository is too large",
                        found=f"more than {size_text(self._size)}",
                        expected=f"at most {size_text(self._size)}",
                    )


def _size_of(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # Git renames what it has finished
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118  (hot loop)
    return total


def _end(process: subprocess.Popen[bytes]) -> None:
    """End Git and what it started to talk to the server."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    process.wait()


def _failed(status: int, told: bytes, verb: str) -> SourceError:
    lines = told.decode("utf-8", "replace").splitlines()
    lines = [line.strip() for line in lines if line.strip() and not line.startswith("hint:")]
    marked = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:", "remote:"))]
    reason = (marked or lines or [f"exit status {status}"])[0]
    if "Could not read from remote repository" in reason:
        reason = lines[0]  # what came before, from the program that Git talks through, says why
    reason = re.sub(r"//[^/@\s]+@", "//****@", reason)
    hint = None
    if any(_ACCESS.search(line) for line in lines):
        hint = "Git is not allowed to ask: give it a credential helper or an SSH key that needs no answer"
    return SourceError(f"`git {verb}` failed: {reason}", hint=hint)
