"""Names and versions from requirements files and locks, written small, as their tools write them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from trueup.model.errors import LimitError, NotFoundError, SourceError, TrueupError, UsageError
from trueup.model.named import NamedReleases
from trueup.sources import named
from trueup.sources.named import read_named

INDEX = "https://index.test/simple"
OTHER = "https://other.index.test/whl/cpu"


def names(found: NamedReleases) -> list[str]:
    return [f"{release.project}=={release.version}" for release in found.releases]


def reasons(found: NamedReleases) -> dict[str, str]:
    return {left.what: left.reason for left in found.left_out}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text).lstrip("\n"))
    return path


UV = f"""
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0.1.0"
source = {{ editable = "." }}

[[package]]
name = "numpy"
version = "2.1.0"
source = {{ registry = "{INDEX}" }}

[[package]]
name = "torch"
version = "2.4.0+cpu"
source = {{ registry = "{OTHER}" }}

[[package]]
name = "torch"
version = "2.4.0"
source = {{ registry = "{INDEX}" }}

[[package]]
name = "local"
version = "1.0"
source = {{ registry = "../wheels" }}

[[package]]
name = "dlimp"
version = "0.0.1"
source = {{ git = "https://git.test/dlimp?rev=1#1" }}
"""

POETRY = f"""
[[package]]
name = "anyio"
version = "4.13.0"
files = []

[[package]]
name = "torch"
version = "2.4.0+cpu"

[package.source]
type = "legacy"
url = "{OTHER}"
reference = "pytorch"

[[package]]
name = "poetry-core"
version = "2.0"

[package.source]
type = "git"
url = "https://git.test/poetry-core"

[metadata]
lock-version = "2.1"
python-versions = ">=3.11"
content-hash = "00"
"""

PDM = """
[metadata]
groups = ["default"]
lock_version = "4.5.0"

[[package]]
name = "httpx"
version = "0.28.1"

[[package]]
name = "httpx"
version = "0.28.1"
extras = ["socks"]

[[package]]
name = "demo"
version = "0.0.1"
path = "./demo"
"""

PYLOCK = f"""
lock-version = "1.0"
created-by = "a test"

[[packages]]
name = "Attrs"
version = "25.1.0"
index = "{INDEX}"

[[packages]]
name = "unversioned"

[[packages]]
name = "repo"
version = "1"
vcs = {{ type = "git", url = "https://git.test/repo", commit-id = "0" }}
"""

PIPFILE = f"""
{{
    "_meta": {{"sources": [
        {{"name": "main", "url": "{INDEX}", "verify_ssl": true}},
        {{"name": "cpu", "url": "https://${{TOKEN}}@other.index.test/whl/cpu", "verify_ssl": true}}
    ]}},
    "default": {{
        "aiohttp": {{"hashes": [], "version": "==3.11.18"}},
        "torch": {{"index": "cpu", "version": "==2.4.0+cpu"}},
        "repo": {{"git": "https://git.test/repo", "ref": "0"}}
    }},
    "develop": {{
        "loose": {{"version": "*"}}
    }}
}}
"""


@pytest.mark.parametrize(
    ("filename", "text", "wanted"),
    [
        (
            "uv.lock",
            UV,
            [("numpy==2.1.0", INDEX), ("torch==2.4.0+cpu", OTHER), ("torch==2.4.0", INDEX)],
        ),
        ("poetry.lock", POETRY, [("anyio==4.13.0", None), ("torch==2.4.0+cpu", OTHER)]),
        ("pdm.lock", PDM, [("httpx==0.28.1", None)]),
        ("pylock.toml", PYLOCK, [("attrs==25.1.0", INDEX)]),
        ("pylock.gpu.toml", PYLOCK, [("attrs==25.1.0", INDEX)]),
        ("renamed.lock", PDM, [("httpx==0.28.1", None)]),
        (
            "Pipfile.lock",
            PIPFILE,
            [
                ("aiohttp==3.11.18", INDEX),
                ("torch==2.4.0+cpu", "https://secret@other.index.test/whl/cpu"),
            ],
        ),
    ],
)
def test_every_lock_names_its_releases_and_their_index(
    tmp_path: Path, filename: str, text: str, wanted: list[tuple[str, str | None]]
) -> None:
    found = read_named(write(tmp_path / filename, text), environ={"TOKEN": "secret"})
    assert list(zip(names(found), [r.index for r in found.releases], strict=True)) == wanted


def test_what_is_no_release_is_left_out_with_the_reason(tmp_path: Path) -> None:
    git = "comes from a Git repository, not from an index"
    assert reasons(read_named(write(tmp_path / "uv.lock", UV))) == {
        "app": "comes from a project folder, not from an index",
        "local": "comes from the local folder `../wheels`; check that folder itself",
        "dlimp": git,
    }
    assert reasons(read_named(write(tmp_path / "poetry.lock", POETRY))) == {"poetry-core": git}
    assert reasons(read_named(write(tmp_path / "pdm.lock", PDM))) == {
        "demo": "comes from a path, not from an index"
    }
    assert reasons(read_named(write(tmp_path / "pylock.toml", PYLOCK))) == {
        "unversioned": "has no version",
        "repo": git,
    }
    assert reasons(read_named(write(tmp_path / "Pipfile.lock", PIPFILE))) == {
        "repo": git,
        "loose": "is not pinned to one version",
    }


def test_the_origin_is_the_line_of_the_entry(tmp_path: Path) -> None:
    lock = write(tmp_path / "uv.lock", UV)
    line = lock.read_text().splitlines().index('name = "numpy"')
    assert read_named(lock).releases[0].origin == f"{lock}:{line}"
    pipfile = write(tmp_path / "Pipfile.lock", PIPFILE)
    assert read_named(pipfile).releases[0].origin == f"{pipfile}:7"


def test_entries_written_as_an_inline_array_have_the_file_as_origin(tmp_path: Path) -> None:
    lock = write(
        tmp_path / "pylock.toml",
        'lock-version = "1.0"\npackages = [{ name = "six", version = "1.17.0" }]\n',
    )
    assert read_named(lock).releases[0].origin == str(lock)


def test_requirements(tmp_path: Path) -> None:
    write(tmp_path / "sub/base.txt", "attrs==25.1.0\n-r ../requirements.txt\n-c pins.txt\n")
    write(tmp_path / "sub/pins.txt", "Constrained==7\nunused==9\n")
    path = write(
        tmp_path / "requirements.txt",
        """
        # a comment \\
        --index-url https://${TOKEN}@index.test/simple
        --extra-index-url=https://other.index.test/whl/cpu
        -rsub/base.txt
        numpy==2.1.0 ; python_version >= "3.11"  # why
        Flask [async] == 3.1.3 \\
            --hash=sha256:00 \\
            --hash=sha256:11
        numpy==1.26.4 ; python_version < "3.11"
        attrs==25.1.0
        exact===1.0
        both>=1,==1.5
        loose>=1.0
        starred==1.*
        bare
        constrained
        direct @ https://files.test/direct-1.0-py3-none-any.whl ; python_version >= "3"
        git+https://git.test/repo#egg=repo
        -e ./project
        ./wheels/local-1.0-py3-none-any.whl
        near-1.0-py3-none-any.whl
        -r https://files.test/more.txt
        --no-binary :all:
        """,
    )
    found = read_named(path, environ={"TOKEN": "secret"})
    assert names(found) == [
        "attrs==25.1.0",
        "numpy==2.1.0",
        "flask==3.1.3",
        "numpy==1.26.4",
        "exact==1.0",
        "both==1.5",
        "constrained==7",
    ]
    assert {release.index for release in found.releases} == {"https://secret@index.test/simple"}
    assert found.extra_indexes == (OTHER,)
    assert found.releases[0].origin == f"{tmp_path / 'sub/base.txt'}:1"
    assert found.releases[2].origin == f"{path}:6"
    unpinned = "is not pinned to one version"
    address = "comes from an address, not from an index"
    assert reasons(found) == {
        "loose>=1.0": unpinned,
        "starred==1.*": unpinned,
        "bare": unpinned,
        'direct @ https://files.test/direct-1.0-py3-none-any.whl ; python_version >= "3"': address,
        "git+https://git.test/repo#egg=repo": address,
        "./project": "an editable project, not a release",
        "./wheels/local-1.0-py3-none-any.whl": "comes from a path, not from an index",
        "near-1.0-py3-none-any.whl": "is a file, not a release; check that file itself",
        "-r https://files.test/more.txt": "a file at an address is not read",
    }


@pytest.mark.parametrize(
    ("filename", "text", "kind", "message"),
    [
        (
            "uv.lock",
            "version = 1\npackage = [\n",
            SourceError,
            "`{path}`: is not valid TOML: Invalid value (at end of document)",
        ),
        (
            "uv.lock",
            "version = 1\nname = = 2\n",
            SourceError,
            "`{path}`: is not valid TOML: Invalid value (at line 2, column 8)",
        ),
        (
            "Pipfile.lock",
            '{"_meta": {},\n "default": }\n',
            SourceError,
            "`{path}`: is not valid JSON: Expecting value (at line 2, column 13)",
        ),
        (
            "other.toml",
            '[project]\nname = "x"\n',
            UsageError,
            "`{path}`: is no lock that is understood, expected a `uv.lock`, `poetry.lock`, "
            "`pdm.lock`, `pylock.toml`, `Pipfile.lock` or a requirements file",
        ),
        (
            "uv.lock",
            'version = 1\n[[package]]\nname = "x"\nversion = "one"\n',
            SourceError,
            "`{path}:4`: `version` of `x`: found `'one'`, expected a version",
        ),
        (
            "uv.lock",
            "version = 1\n[[package]]\nversion = '1'\n",
            SourceError,
            "`{path}:2`: `name`: found nothing, expected a project name",
        ),
        (
            "pylock.toml",
            "lock-version = '1.0'\npackages = 'all'\n",
            SourceError,
            "`{path}`: `packages`: found `'all'`, expected an array of tables",
        ),
        (
            "pylock.toml",
            "lock-version = '1.0'\n[[packages]]\nname = 'x'\nversion = 'one'\n",
            SourceError,
            "`{path}:4`: `version` of `x`: found `'one'`, expected a version",
        ),
        (
            "Pipfile.lock",
            '{"_meta": {},\n"default": {\n"-": {"version": "==1"}}}',
            SourceError,
            "`{path}:3`: `name`: found `'-'`, expected a project name",
        ),
        (
            "uv.lock",
            "version = 1\npackage = [{ name = 'x', version = '1' }, 2]\n",
            SourceError,
            "`{path}:2`: `package[1]`: found `2`, expected a table",
        ),
        (
            "requirements.txt",
            "six==1.17.0\nnot a requirement\n",
            SourceError,
            "`{path}:2`: is no requirement: Expected semicolon (after name with no version "
            "specifier) or end: found `not a requirement`",
        ),
    ],
)
def test_malformed_files_are_refused_with_their_place(
    tmp_path: Path, filename: str, text: str, kind: type[TrueupError], message: str
) -> None:
    path = write(tmp_path / filename, text)
    with pytest.raises(kind) as caught:
        read_named(path)
    assert str(caught.value) == message.format(path=path)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        read_named(tmp_path / "uv.lock")
    including = write(tmp_path / "requirements.txt", "-r missing.txt\n")
    with pytest.raises(NotFoundError) as caught:
        read_named(including)
    assert str(caught.value) == (f"`{including}:1`: `{tmp_path / 'missing.txt'}`: no such file")
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"six==1.17.0\n# caf\xe9\n")
    with pytest.raises(SourceError, match="line 2 is not UTF-8"):
        read_named(latin)


def test_the_limit_counts_included_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "MAX_BYTES", 100)
    write(tmp_path / "more.txt", "#" * 90)
    path = write(tmp_path / "requirements.txt", "-r more.txt\n")
    with pytest.raises(LimitError, match="too large to be a lock or requirements file"):
        read_named(path)
