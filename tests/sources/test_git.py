"""Commits and project files of real Git repositories, and the refusal of what is none."""

from __future__ import annotations

import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gitrepository import ENVIRON, GitRepository, project
from trueup.model.errors import LimitError, NotFoundError, SourceError, TrueupError, UsageError
from trueup.sources.cache import MemoryCache
from trueup.sources.git import GitAddress, Repositories, git_address
from trueup.sources.gitprocess import Git

ADDRESSES = [
    # (address, location, what is fetched if that differs, revision, folder)
    ("git+https://git.test/a/b.git", "https://git.test/a/b.git", None, None, None),
    ("GIT+HTTPS://git.test/b@v1.0", "https://git.test/b", None, "v1.0", None),
    ("git+https://git.test/b@feature/x#egg=b", "https://git.test/b", None, "feature/x", None),
    ("git+https://git.test/b@feature%2Fx", "https://git.test/b", None, "feature/x", None),
    ("git+https://git.test/b#egg=b&subdirectory=py/b/", "https://git.test/b", None, None, "py/b"),
    ("git+https://git.test/b#subdirectory=.", "https://git.test/b", None, None, None),
    ("git+https://u:p@git.test/b@1", "https://git.test/b", "https://u:p@git.test/b", "1", None),
    ("git+ssh://git@git.test:22/b@1", "ssh://git@git.test:22/b", None, "1", None),
    ("git+ssh://u:p@git.test/b", "ssh://u@git.test/b", "ssh://u:p@git.test/b", None, None),
    ("git+file:///srv/b@main", "file:///srv/b", None, "main", None),
    ("git+file://localhost/srv/b", "file:///srv/b", None, None, None),
]


@pytest.mark.parametrize(("url", "location", "fetched", "revision", "folder"), ADDRESSES)
def test_addresses_are_taken_apart(
    url: str, location: str, fetched: str | None, revision: str | None, folder: str | None
) -> None:
    found = git_address(url)
    assert found == GitAddress(
        location=location,
        fetched=fetched or location,
        revision=revision,
        subdirectory=folder,
    )
    assert git_address(found.text).text == found.text
    assert ":p@" not in found.text


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("git+https://git.test/b@--upload-pack=touch%20x", "the revision `--upload-pack=touch x`"),
        ("git+https://git.test/b@-x", "the revision `-x`"),
        ("git+https://git.test/b@", "the revision ``"),
        ("git+https://git.test/b@a..b", "the revision `a..b`"),
        ("git+https://git.test/b@main:x", "the revision `main:x`"),
        ("git+https://git.test/b@main%0Ax", "the revision `main\nx`"),
        ("git+https://git.test/b@HEAD%40%7B1%7D", "the revision `HEAD@{1}`"),
        ("git+ext::sh%20-c%20true", "`ext` after `git+`"),
        ("git+git://git.test/b", "`git` after `git+`"),
        ("git+git.test/b", "`no scheme` after `git+`"),
        ("git+ssh://git@git.test:owner/b", "Port could not be cast"),
        ("git+ssh://-oProxyCommand=x/b", "the host `-oproxycommand=x`"),
        ("git+https:///b", "the host ``"),
        ("git+file://elsewhere/b", "the host `elsewhere`"),
        ("git+https://git.test/@main", "no path"),
        ("git+https://[git.test/b", "malformed"),
        ("git+https://git.test/b#subdirectory=../x", "`subdirectory=../x`"),
        ("git+https://git.test/b#subdirectory=/etc", "`subdirectory=/etc`"),
        ("git+https://git.test/b#subdirectory=", "`subdirectory=`"),
    ],
)
def test_what_is_no_address_of_a_repository_is_refused(url: str, found: str) -> None:
    with pytest.raises(UsageError) as caught:
        git_address(url)
    assert found in str(caught.value)


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = GitRepository(tmp_path / "repository")
    made.commit({"pyproject.toml": project("demo", "six"), "py/old/setup.py": "raise SystemExit"})
    return made


@pytest.fixture
def repositories() -> Repositories:
    return Repositories(Git(environ=ENVIRON), MemoryCache())


def test_every_kind_of_revision(repository: GitRepository, repositories: Repositories) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "light")
    repository.git("tag", "--annotate", "v1", "--message=one")
    second = repository.commit({"pyproject.toml": project("demo")}, branch="dev/x")
    repository.git("tag", "dev/x", first)
    repository.git("checkout", "--quiet", "main")
    for revision, commit in {
        "": first, "@main": first, "@HEAD": first, "@light": first, "@v1": first,
        "@refs/tags/v1": first, f"@{first}": first, f"@{first[:9]}": first,
        "@dev/x": second,  # a branch before a tag, as with pip
        "@refs/tags/dev/x": first, f"@{second.upper()}": second,
    }.items():  # fmt: skip
        assert repositories.tree(git_address(repository.url + revision)).commit == commit, revision


def test_the_project_files_of_a_commit(
    repository: GitRepository, repositories: Repositories, tmp_path: Path
) -> None:
    repository.commit(
        {
            "py/new/pyproject.toml": project("new"),
            "large/pyproject.toml": "#" * 600_000,
            "README.md": "demo",
        }
    )
    (repository.folder / "link").mkdir()
    (repository.folder / "link" / "pyproject.toml").symlink_to("/etc/passwd")
    repository.commit({})
    tree = repositories.tree(git_address(repository.url))
    assert set(tree.files) == {"pyproject.toml", "py/new/pyproject.toml", "py/old/setup.py"}
    assert tree.files["pyproject.toml"] == project("demo", "six")
    assert tree.left_out == {"large/pyproject.toml"}
    tree.write(tmp_path / "out")
    assert (tmp_path / "out/py/new/pyproject.toml").read_text() == project("new")
    assert (tmp_path / "out/py/old/setup.py").read_text() == ""


def test_what_was_read_of_a_commit_needs_no_repository(repository: GitRepository) -> None:
    cache = MemoryCache()
    first = repository.git("rev-parse", "HEAD")
    before = Repositories(Git(environ=ENVIRON), cache).tree(git_address(repository.url))
    repository.folder.rename(repository.folder.with_name("gone"))
    nowhere = Repositories(Git(environ={"PATH": "/nowhere"}), cache)
    assert nowhere.tree(git_address(f"{repository.url}@{first}")) == before
    assert nowhere.tree(git_address(f"{repository.url}@main"), kept=first) == before
    with pytest.raises(UsageError, match="there is no `git` on this machine"):
        nowhere.tree(git_address(f"{repository.url}@main"))


def test_a_branch_means_one_commit_throughout(
    repository: GitRepository, repositories: Repositories
) -> None:
    before = repositories.tree(git_address(repository.url))
    repository.commit({"pyproject.toml": project("demo")})
    assert repositories.tree(git_address(f"{repository.url}#subdirectory=py")) == before


@pytest.mark.parametrize("revision", ["nope", "a" * 40, "abcd123", "refs/heads/nope"])
def test_revisions_that_are_not_there(
    repository: GitRepository, repositories: Repositories, revision: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        repositories.tree(git_address(f"{repository.url}@{revision}"))
    assert str(caught.value) == (
        f"`{repository.url}@{revision}`: the repository has no such revision: "
        f"found `{revision}`, expected a branch, tag or commit"
    )


def test_a_locked_commit_that_is_gone(
    repository: GitRepository, repositories: Repositories
) -> None:
    with pytest.raises(NotFoundError, match="the commit that the lock has is no longer") as caught:
        repositories.tree(git_address(f"{repository.url}@main"), kept="b" * 40)
    assert "--upgrade-package" in (caught.value.hint or "")


def test_no_repository_and_one_without_commits(repositories: Repositories, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"`git ls-remote` failed: fatal: .* does not appear"):
        repositories.tree(git_address(f"git+{(tmp_path / 'none').as_uri()}"))
    empty = GitRepository(tmp_path / "empty")
    with pytest.raises(NotFoundError, match="the repository has no commit"):
        repositories.tree(git_address(empty.url))


def test_a_file_that_is_no_text(repository: GitRepository, repositories: Repositories) -> None:
    repository.commit({"py/pyproject.toml": b"\xff\xfe"})
    with pytest.raises(SourceError, match=r"`py/pyproject\.toml`: is not UTF-8"):
        repositories.tree(git_address(repository.url))


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_says_nothing(silent: str) -> None:
    slow = Repositories(Git(environ=ENVIRON, seconds=0.5), MemoryCache())
    with pytest.raises(LimitError) as caught:
        slow.tree(git_address(f"git+http://somebody:secret@{silent}/x@main"))
    assert str(caught.value) == (
        f"`git+http://{silent}/x@main`: Git takes too long: found no end after 0.5 s"
    )


def test_credentials_are_not_shown() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    with pytest.raises(TrueupError) as caught:
        Repositories(Git(environ=ENVIRON), MemoryCache()).tree(
            git_address(f"git+http://somebody:secret@127.0.0.1:{port}/x@main")
        )
    assert "Failed to connect" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_no_protocol_and_no_folder_of_the_environment_is_obeyed(
    repository: GitRepository, tmp_path: Path
) -> None:
    """An address that the configuration turns into a command runs nothing; neither does a hook."""
    touched = tmp_path / "touched"
    environ = {
        **ENVIRON,
        "GIT_DIR": str(tmp_path / "elsewhere"),
        "GIT_ALLOW_PROTOCOL": "ext",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.ext::touch {touched} .insteadOf",
        "GIT_CONFIG_VALUE_0": "https://git.test/",
    }
    repositories = Repositories(Git(environ=environ), MemoryCache())
    with pytest.raises(SourceError, match="transport 'ext' not allowed"):
        repositories.tree(git_address("git+https://git.test/x"))
    assert not touched.exists()
    assert repositories.tree(git_address(repository.url)).files


def test_a_packed_folder_has_all_files_of_the_commit(
    repository: GitRepository, repositories: Repositories
) -> None:
    commit = repository.commit(
        {".gitattributes": "secret.py export-ignore\n", "py/a/secret.py": "x", "py/a/b/c.py": "y"}
    )
    address = git_address(f"{repository.url}#subdirectory=py/a")
    with repositories.packed(address, commit) as archive, tarfile.open(archive) as packed:
        names = {member.name for member in packed if member.isfile()}
    assert names == {"tree/secret.py", "tree/b/c.py"}
    assert not archive.exists()


def test_a_repository_that_is_too_large(repository: GitRepository) -> None:
    small = Git(environ=ENVIRON, size=200)
    with pytest.raises(LimitError, match="the repository is too large: found more than 200 bytes"):
        Repositories(small, MemoryCache()).tree(git_address(repository.url))
