"""Requirements from Git repositories, taken from there as projects of a lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest
from packaging.utils import NormalizedName

from tests.gitrepository import ENVIRON, GitRepository, project
from trueup.model.errors import TrueupError, UsageError
from trueup.model.lock import Place, PlaceKind
from trueup.model.lockrequest import LocalProject, LockRequest, Root
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets
from trueup.sources.cache import MemoryCache
from trueup.sources.git import Repositories
from trueup.sources.gitprocess import Git
from trueup.sources.repositories import with_repositories

SOURCES = "[tool.uv.sources]\n"


def asked(*lines: str, **more: object) -> LockRequest:
    roots = tuple(Root(requirement=parse_requirement(line), origin="here") for line in lines)
    request = LockRequest(roots=roots, targets=parse_targets("cp312-linux-x86_64"))
    return replace(request, **more)  # type: ignore[arg-type]


def gathered(request: LockRequest) -> LockRequest:
    return with_repositories(request, Repositories(Git(environ=ENVIRON), MemoryCache()))


def shown(item: LocalProject, commits: Mapping[str, str]) -> str:
    place = item.repository
    assert place is not None
    assert place.kind is PlaceKind.VCS
    requires = item.requires_dist
    text = f"{item.project} {item.version} at {place.subdirectory or '.'} of "
    text += f"{commits.get(place.revision or '', '?')} ({place.requested}): "
    return text + ("unknown" if requires is None else ", ".join(map(str, requires)))


CASES: dict[str, tuple[dict[str, str], Sequence[str], list[str]]] = {
    "the default branch": (
        {"pyproject.toml": project("demo", "six; os_name == 'nt'")},
        ["demo @ {url}"],
        ['demo 1.0 at . of main (None): six; os_name == "nt"'],
    ),
    "a branch, a folder, extras and a marker": (
        {"py/pyproject.toml": project("demo", more="[project.optional-dependencies]\nx = ['y']")},
        ["demo[x] @ {url}@main#subdirectory=py ; os_name == 'nt'"],
        ['demo 1.0 at py of main (main): y; extra == "x"'],
    ),
    "asked for twice": (
        {"pyproject.toml": project("demo")},
        ["demo @ {url}@main", "demo @ {url}@main", "six"],
        ["demo 1.0 at . of main (main): "],
    ),
    "two folders of one repository": (
        {"a/pyproject.toml": project("a"), "b/pyproject.toml": project("b", "a>=1")},
        ["a @ {url}#subdirectory=a", "b @ {url}#subdirectory=b"],
        ["a 1.0 at a of main (None): ", "b 1.0 at b of main (None): a>=1"],
    ),
    "only a build tells": (
        {
            "pyproject.toml": '[project]\nname = "demo"\ndynamic = ["version", "dependencies"]',
            "old/setup.py": "",
        },
        ["demo @ {url}", "old @ {url}#subdirectory=old"],
        ["demo None at . of main (None): unknown", "old None at old of main (None): unknown"],
    ),
    "a version that only a build tells": (
        {"pyproject.toml": '[project]\nname = "demo"\ndynamic = ["version"]\ndependencies = ["a"]'},
        ["demo @ {url}"],
        ["demo None at . of main (None): a"],
    ),
    "uv: paths and members of the repository": (
        {
            "pyproject.toml": project(
                "demo", "a", "b", more=SOURCES + 'a = {path = "libs/a"}\nb = {workspace = true}\n'
                '[tool.uv.workspace]\nmembers = ["libs/*"]',
            ),
            "libs/a/pyproject.toml": project("a", "b", more=SOURCES + 'b = {path = "../b"}'),
            "libs/b/pyproject.toml": project("b", "six"),
        },
        ["demo @ {url}@main"],
        ["a 1.0 at libs/a of main (main): b", "b 1.0 at libs/b of main (main): six",
         "demo 1.0 at . of main (main): a, b"],
    ),
    "a member of the workspace above it": (
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["a", "b"]',
            "a/pyproject.toml": project("a", "b", more=SOURCES + "b = {workspace = true}"),
            "b/pyproject.toml": project("b"),
        },
        ["a @ {url}#subdirectory=a"],
        ["a 1.0 at a of main (None): b", "b 1.0 at b of main (None): "],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_projects_in_repositories(case: str, tmp_path: Path) -> None:
    files, lines, expected = CASES[case]
    repository = GitRepository(tmp_path / "repository")
    commit = repository.commit(files)
    found = gathered(asked(*(line.format(url=repository.url) for line in lines)))
    assert sorted(shown(item, {commit: "main"}) for item in found.local) == expected
    # What is asked for stays what it was, so that requirements of others can be compared with it.
    assert [root.requirement.url is None for root in found.roots] == ["{" not in s for s in lines]


def test_what_comes_from_no_repository_is_left_alone() -> None:
    request = asked("six", "demo @ https://files.test/demo-1.0.tar.gz")
    assert with_repositories(request, Repositories(Git(environ={}), MemoryCache())) is request


def test_a_repository_may_ask_for_others(tmp_path: Path) -> None:
    inner = GitRepository(tmp_path / "inner")
    one = inner.commit({"pyproject.toml": project("inner", "six")})
    inner.git("tag", "v1")
    middle = GitRepository(tmp_path / "middle")
    two = middle.commit(
        {
            "pyproject.toml": project(
                "middle", "inner", more=f'{SOURCES}inner = {{git = "{inner.url[4:]}", tag = "v1"}}'
            )
        }
    )
    outer = GitRepository(tmp_path / "outer")
    three = outer.commit({"pyproject.toml": project("outer", f"middle @ {middle.url}")})
    commits = {one: "inner", two: "middle", three: "outer"}
    folder = LocalProject(
        project=NormalizedName("app"),
        path=".",
        version=None,
        requires_dist=(parse_requirement(f"outer @ {outer.url}"),),
        provides_extra=frozenset(),
    )
    found = gathered(asked("app", local=(folder,)))
    assert found.local[0] == folder
    assert [shown(item, commits) for item in found.local[1:]] == [
        f"outer 1.0 at . of outer (None): middle @ {middle.url}",
        f"middle 1.0 at . of middle (None): inner @ {inner.url}@v1",
        "inner 1.0 at . of inner (v1): six",
    ]


def test_the_commit_of_the_lock_stays(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    old = repository.commit({"pyproject.toml": project("demo", "old")})
    new = repository.commit({"pyproject.toml": project("demo", "new")})
    names = {old: "old", new: "new"}
    place = Place(kind=PlaceKind.VCS, location=repository.url[4:], revision=old, requested="main")
    commits = MappingProxyType({NormalizedName("demo"): place})
    for revision, expected in (
        ("@main", "demo 1.0 at . of old (main): old"),
        ("", "demo 1.0 at . of new (None): new"),  # another revision is asked for
        (f"@{new}", f"demo 1.0 at . of new ({new}): new"),
    ):
        request = asked(f"demo @ {repository.url}{revision}", commits=commits)
        assert [shown(item, names) for item in gathered(request).local] == [expected]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """A repository behind a server that only hands out files, and so gives no part of a history."""
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"pyproject.toml": project("demo")})
    repository.commit({"pyproject.toml": project("demo", "six")})
    repository.git("update-server-info")
    handler = partial(_Quiet, directory=str(repository.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}/.git"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def test_credentials_do_not_stay(served: str) -> None:
    line = f"demo[x] @ git+http://somebody:secret@{served}@main#egg=demo ; os_name == 'nt'"
    override = parse_requirement(f"demo @ git+http://{served}@main")
    found = gathered(asked(line, overrides=(override,)))
    assert [str(root.requirement) for root in found.roots] == [
        f'demo[x] @ git+http://{served}@main ; os_name == "nt"'
    ]
    (place,) = [item.repository for item in found.local]
    assert place is not None
    assert place.location == f"http://{served}"
    assert [str(one) for one in found.local[0].requires_dist or ()] == ["six"]


def test_a_dynamic_project_is_built_where_that_is_allowed(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    text = '[project]\nname = "demo"\ndynamic = ["version", "dependencies"]'
    repository.commit({"pyproject.toml": text, "x/pyproject.toml": project("x")})
    built: list[Path] = []

    def build(archive: Path) -> Metadata | Unreadable:
        built.append(archive)
        assert archive.is_file()
        return parse_metadata(
            b"Metadata-Version: 2.4\nName: demo\nVersion: 3\nRequires-Dist: six\nRequires-Python: >=3.9\n"
        )

    repositories = Repositories(Git(environ=ENVIRON), MemoryCache())
    line = f"demo @ {repository.url}"
    assert with_repositories(asked(line), repositories, build=build).local[0].requires_dist is None
    assert not built
    for names in ({"demo"}, {"*"}):
        request = asked(line, allow_build=frozenset(names))
        (found,) = with_repositories(request, repositories, build=build).local
        assert (str(found.version), found.built) == ("3", True)
        assert str(found.requires_python) == ">=3.9"
        assert [str(one) for one in found.requires_dist or ()] == ["six"]
    static = asked(f"x @ {repository.url}#subdirectory=x", allow_build=frozenset({"*"}))
    assert not with_repositories(static, repositories, build=build).local[0].built
    assert len(built) == 2

    def fail(archive: Path) -> Metadata | Unreadable:
        return Unreadable(reason="cannot be built: it wants the network")

    with pytest.raises(UsageError, match="`demo` cannot be built: it wants the network"):
        with_repositories(request, repositories, build=fail)


FAULTS: dict[str, tuple[dict[str, str], Sequence[str], str]] = {
    "another name": (
        {"pyproject.toml": project("other")},
        ["demo @ {url}"],
        "`here`: `{url} ({commit})`: `pyproject.toml`: holds another project: found `other`, "
        "expected `demo`",
    ),
    "no project": (
        {"README.md": ""},
        ["demo @ {url}#subdirectory=py"],
        "`here`: `{url}#subdirectory=py ({commit})`: holds no project: found no "
        "`py/pyproject.toml`, expected a folder of a project",
    ),
    "a project file that is none": (
        {"pyproject.toml": "[project"},
        ["demo @ {url}"],
        "`here`: `{url} ({commit})`: ",
    ),
    "a project file that is too large": (
        {"pyproject.toml": "#" * 600_000},
        ["demo @ {url}"],
        "`here`: `{url} ({commit})`: `pyproject.toml`: is too large to be read",
    ),
    "an unknown revision": (
        {"pyproject.toml": project("demo")},
        ["demo @ {url}@nope"],
        "`here`: `{url}@nope`: the repository has no such revision: found `nope`",
    ),
    "a hostile revision": (
        {"pyproject.toml": project("demo")},
        ["demo @ {url}@--upload-pack=x"],
        "`here`: `{url}@--upload-pack=x`: is no address of a Git repository: found the revision "
        "`--upload-pack=x`, expected a branch, a tag or a commit after `@`",
    ),
    "two revisions": (
        {"pyproject.toml": project("demo")},
        ["demo @ {url}@main", "demo @ {url}"],
        "`here`: two addresses are given for `demo`: found `{url}@main` and `{url}`, "
        "expected one revision of one repository",
    ),
    "a path that leads out": (
        {"pyproject.toml": project("demo", "a", more=SOURCES + 'a = {path = "../.."}')},
        ["demo @ {url}"],
        "`here`: `{url} ({commit})`: ",
    ),
    "a file of the repository": (
        {
            "pyproject.toml": project("demo", "a", more=SOURCES + 'a = {path = "setup.py"}'),
            "setup.py": "",
        },
        ["demo @ {url}"],
        "`here`: `{url} ({commit})`: takes `a` from a file, which a lock cannot name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_wrong_with_a_repository_is_told(case: str, tmp_path: Path) -> None:
    files, lines, expected = FAULTS[case]
    repository = GitRepository(tmp_path / "repository")
    commit = repository.commit(files)
    with pytest.raises(TrueupError) as caught:
        gathered(asked(*(line.format(url=repository.url) for line in lines)))
    assert str(caught.value).startswith(expected.format(url=repository.url, commit=commit[:12]))


def test_a_folder_and_a_repository(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"pyproject.toml": project("demo")})
    folder = LocalProject(
        project=NormalizedName("demo"),
        path="demo",
        version=None,
        requires_dist=(),
        provides_extra=frozenset(),
    )
    with pytest.raises(UsageError, match="`demo` comes from a folder and from a repository"):
        gathered(asked(f"demo @ {repository.url}", local=(folder,)))
