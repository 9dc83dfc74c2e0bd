"""Git repositories as places of projects: which commit a revision is, and the project files in it.

pip's documentation, "VCS Support", for the form of addresses. Git itself is asked, as a process
that prompts for nothing, runs no hook and speaks only the protocols that an address may name.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

from trueup.model.errors import NotFoundError, SourceError, TrueupError, UsageError
from trueup.sources.cache import Cache, Kind
from trueup.sources.gitprocess import Git
from trueup.sources.limits import Limits
from trueup.sources.url import redact

__all__ = ["GitAddress", "Repositories", "Tree", "git_address", "is_git"]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = re.compile(r"[0-9a-f]{4,63}")
_SCHEMES = ("https", "http", "ssh", "file")
_READ = ("pyproject.toml", "setup.py")
_LIMITS = Limits()
_ALL_FILES = 16 * 1024**2
_REFUSED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
"""What no name of a branch or tag holds (`git check-ref-format`), and operators do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAddress:
    """Where a project is in a repository.

    ``location`` is the address without credentials, ``fetched`` the one that Git is given;
    ``revision`` is None for the default branch, ``subdirectory`` for the top folder.
    """

    location: str
    fetched: str
    revision: str | None = None
    subdirectory: str | None = None

    @property
    def text(self) -> str:
        """As a requirement writes it, without credentials."""
        revision = f"@{quote(self.revision, safe='/@+=,-._!')}" if self.revision else ""
        folder = f"#subdirectory={quote(self.subdirectory)}" if self.subdirectory else ""
        return f"git+{self.location}{revision}{folder}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The project files of a commit: the text of each `pyproject.toml`, which folders have a `setup.py`.

    ``left_out`` are the paths of those that are too large to be read.
    """

    commit: str
    files: Mapping[str, str]
    left_out: frozenset[str] = frozenset()

    def write(self, folder: Path) -> None:
        """Lay the files out in an empty folder."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")


def is_git(url: str | None) -> bool:
    """Whether an address is that of a Git repository."""
    return url is not None and url.lower().startswith("git+")


def git_address(url: str) -> GitAddress:
    """Take ``git+https://HOST/PATH@REVISION#subdirectory=FOLDER`` apart.

    Raises UsageError for another scheme, no host or path, and for a revision or folder that is none.
    """
    try:
        return _address(url)
    except ValueError as error:
        raise _refused(url, f"is a malformed address: {error}", "git+https://HOST/PATH") from error


def _address(url: str) -> GitAddress:
    parts = urlsplit(url[len("git+") :])
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES:
        raise _refused(
            url, f"`{scheme or 'no scheme'}` after `git+`", "`git+https`, `git+ssh` or `git+file`"
        )
    try:
        parts.port  # noqa: B018  (the property raises for a malformed port)
    except ValueError as error:
        raise _refused(
            url, f"{error}", "a path after a slash: `git+ssh://git@HOST/OWNER/NAME.git`"
        ) from error
    local = scheme == "file"
    host = parts.hostname or ""
    if host.startswith("-") or (host not in ("", "localhost") if local else not host):
        raise _refused(url, f"the host `{host}`", "an absolute path" if local else "a host")
    before, at, after = parts.path.rpartition("@")
    path, revision = (before, unquote(after)) if at else (after, None)
    if not path.strip("/"):
        raise _refused(url, "no path", "the path of a repository")
    if revision is not None:
        _check_revision(url, revision)
    fetched = parts._replace(scheme=scheme, path=path, fragment="")
    if local:
        fetched = fetched._replace(netloc="")
    where = fetched.netloc.rpartition("@")[2]
    if scheme == "ssh" and parts.username:
        where = f"{parts.username}@{where}"  # the account there, no secret
    return GitAddress(
        location=_joined(fetched._replace(netloc=where).geturl()),
        fetched=_joined(fetched.geturl()),
        revision=revision,
        subdirectory=_subdirectory(url, parts.fragment),
    )


def _joined(url: str) -> str:
    """`urlunsplit` leaves the slashes of an empty host out."""
    return re.sub(r"^file:/(?!/)", "file:///", url)


def _check_revision(url: str, revision: str) -> None:
    if not revision or revision.startswith(("-", "/", ".")) or _REFUSED.search(revision):
        raise _refused(url, f"the revision `{revision}`", "a branch, a tag or a commit after `@`")


def _subdirectory(url: str, fragment: str) -> str | None:
    found = [item[13:] for item in fragment.split("&") if item.startswith("subdirectory=")]
    if not found:
        return None
    folder = unquote(found[-1]).rstrip("/")
    if not is_inside(folder):
        raise _refused(url, f"`subdirectory={folder}`", "a folder inside of the repository")
    path = PurePosixPath(folder).as_posix()
    return None if path == "." else path


def is_inside(path: str) -> bool:
    """Whether a path stays in the folder that it starts at, on any system."""
    bad = not path or re.search(r"[\x00-\x1f\\:]", path) is not None
    return not bad and not path.startswith("/") and ".." not in PurePosixPath(path).parts


def _refused(url: str, found: str, expected: str) -> UsageError:
    return UsageError(
        "is no address of a Git repository", found=found, expected=expected, place=(redact(url),)
    )


class Repositories:
    """Finds commits and reads their project files; what was read of a commit is kept in a cache.

    Answers are remembered, so a branch means one commit for as long as this object lives.
    """

    def __init__(self, git: Git, cache: Cache) -> None:
        self._git = git
        self._cache = cache
        self._found: dict[tuple[str, str | None, str | None], Tree] = {}

    def tree(self, address: GitAddress, *, kept: str | None = None) -> Tree:
        """The project files at a revision; ``kept`` is the commit to take in place of looking it up.

        Raises NotFoundError if there is no such revision, SourceError if Git cannot answer.
        """
        key = (address.location, address.revision, kept)
        if key not in self._found:
            try:
                self._found[key] = self._tree(address, kept)
            except TrueupError as error:
                raise error.within(address.text) from None
        return self._found[key]

    @contextmanager
    def packed(self, address: GitAddress, commit: str) -> Iterator[Path]:
        """A `tar` of the project's folder at a commit, under the folder `tree`, for a build.

        Raises what :meth:`tree` raises.
        """
        with tempfile.TemporaryDirectory(prefix="trueup-git-") as name:
            folder = Path(name)
            repository = self._git.new(folder / "repository")
            self._git.fetch(repository, address.fetched, commit)
            # What a repository leaves out of its own archives is not left out of a checkout.
            attributes = repository / "info" / "attributes"
            attributes.parent.mkdir(exist_ok=True)
            attributes.write_text("* -export-ignore -export-subst\n", encoding="ascii")
            archive = folder / "tree.tar.gz"
            self._git.pack(repository, f"{commit}:{address.subdirectory or ''}", archive)
            yield archive

    def _tree(self, address: GitAddress, kept: str | None) -> Tree:
        revision = address.revision
        if kept is None and revision is not None and _COMMIT.fullmatch(revision.lower()):
            kept = revision.lower()
        commit = kept or self._git.lookup(address.fetched, revision)
        if commit is None and not (revision and _SHORT.fullmatch(revision.lower())):
            raise _unknown(revision)
        known = self._known(address, commit) if commit is not None else None
        if known is not None:
            return known
        with tempfile.TemporaryDirectory(prefix="trueup-git-") as name:
            repository = self._git.new(Path(name) / "repository")
            wanted = commit or (revision or "").lower()
            if commit is None:
                self._git.fetch_all(repository, address.fetched)
            else:
                self._git.fetch(repository, address.fetched, commit)
            found = self._git.commit(repository, wanted)
            if found is None:
                raise _unknown(wanted, locked=kept is not None and kept != (revision or "").lower())
            tree = _read(self._git, repository, found)
        for key in {found, wanted}:
            if _COMMIT.fullmatch(key):
                self._cache.put(Kind.REPOSITORY, f"{address.location} {key}", _dumped(tree))
        return tree

    def _known(self, address: GitAddress, commit: str) -> Tree | None:
        data = self._cache.get(Kind.REPOSITORY, f"{address.location} {commit}")
        return _loaded(data) if data is not None else None


def _unknown(revision: str | None, *, locked: bool = False) -> NotFoundError:
    if revision is None:
        return NotFoundError("the repository has no commit")
    if locked:
        return NotFoundError(
            "the commit that the lock has is no longer in the repository",
            found=f"`{revision}`",
            hint="`--upgrade-package NAME` locks the commit that is there now",
        )
    return NotFoundError(
        "the repository has no such revision",
        found=f"`{revision}`",
        expected="a branch, tag or commit",
    )


def _read(git: Git, repository: Path, commit: str) -> Tree:
    """The project files of a commit that was fetched, those nearest to the top first."""
    present = {}
    for member in git.members(repository, commit):
        path = PurePosixPath(member.path)
        if path.name in _READ and is_inside(member.path) and ".git" not in path.parts:
            present[member.path] = member
    files: dict[str, str] = {}
    left_out: set[str] = set()
    wanted: dict[str, str] = {}
    total = 0
    for name in sorted(present, key=lambda name: (name.count("/"), name)):
        if name.endswith("setup.py"):
            files[name] = ""  # that there is one says enough
            continue
        total += present[name].size
        if present[name].size > _LIMITS.pyproject or total > _ALL_FILES:
            left_out.add(name)
        else:
            wanted[name] = present[name].sha
    contents = git.contents(repository, dict.fromkeys(wanted.values()))
    for name, sha in wanted.items():
        try:
            files[name] = contents[sha].decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceError("is not UTF-8", place=(name,)) from error
    return Tree(commit=commit, files=MappingProxyType(files), left_out=frozenset(left_out))


def _dumped(tree: Tree) -> bytes:
    said = {"commit": tree.commit, "files": dict(tree.files), "left_out": sorted(tree.left_out)}
    return json.dumps(said, ensure_ascii=False).encode()


def _loaded(data: bytes) -> Tree | None:
    """What was kept; None, as if it were not there, for what makes no sense."""
    try:
        said = json.loads(data)
        tree = Tree(
            commit=str(said["commit"]),
            files={str(name): str(text) for name, text in said["files"].items()},
            left_out=frozenset(map(str, said["left_out"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return tree if all(map(is_inside, tree.files)) else None
