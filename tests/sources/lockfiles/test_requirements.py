"""Requirements files as locks: pinned lines, hashes, sources, includes, and what is wrong."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from packaging.version import Version

from trueup.model.errors import NotFoundError, SourceError
from trueup.model.lock import Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.sources.lockfiles.document import text_reader
from trueup.sources.lockfiles.requirements import read_requirements_lock

A, B = "sha256:" + "aa" * 32, "sha256:" + "bb" * 32
WHEEL = "https://files.test/direct-1.0-py3-none-any.whl"


def read(folder: Path, text: str) -> Lock:
    path = folder / "requirements.txt"
    path.write_text(dedent(text))
    return read_requirements_lock(path, read=text_reader(), environ={"TOKEN": "secret"})


def only(lock: Lock) -> LockEntry:
    (entry,) = lock.entries
    return entry


def faults(lock: Lock, folder: Path) -> list[str]:
    return [
        f"{fault.origin.removeprefix(f'{folder}/')} `{fault.key}`: {fault.found}, "
        f"expected {fault.expected}"
        for fault in lock.faults
    ]


def test_what_pip_compile_and_uv_write(tmp_path: Path) -> None:
    lock = read(
        tmp_path,
        f"""\
        # generated
        --index-url https://first.index.test/simple
        -i https://${{TOKEN}}@index.test/simple
        --extra-index-url https://other.index.test/simple
        Attrs==25.1.0 \\
            --hash={A.upper()} \\
            --hash {B}
            # via demo
        numpy[x]==2.1.0 ; python_version >= "3.11" --hash="{A}"
        numpy==1.26.4 ; python_version < "3.11" --hash='{A}'
        """,
    )
    assert lock.faults == ()
    assert (lock.kind, lock.walked, lock.path) == (
        LockKind.REQUIREMENTS,
        False,
        str(tmp_path / "requirements.txt"),
    )
    assert lock.indexes == ("https://secret@index.test/simple", "https://other.index.test/simple")
    attrs, new, old = lock.entries
    assert (attrs.project, attrs.version) == ("attrs", Version("25.1.0"))
    assert attrs.origin == f"{tmp_path / 'requirements.txt'}:5"
    assert attrs.digests == {A, B}
    assert (attrs.files, attrs.complete) == ((), False)
    assert attrs.place == Place(location="https://secret@index.test/simple")
    assert (new.title, str(new.condition)) == ("numpy 2.1.0", 'python_version >= "3.11"')
    assert (new.extras, old.extras) == (frozenset({"x"}), frozenset())
    assert (old.title, new.digests) == ("numpy 1.26.4", old.digests)
    assert old.digests == {A}


def test_includes_constraints_and_repeated_lines(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/pins.txt").write_text(f"six==1.17.0 --hash={A}\nunused==3\nopen>=1\n")
    (tmp_path / "sub/more.txt").write_text("attrs==25.1.0\n-c pins.txt\n-r more.txt\n")
    lock = read(
        tmp_path,
        f"""\
        -r sub/more.txt
        six
        attrs==25.1.0 ; os_name == "nt"
        tool==1 ; os_name == "nt" --hash={A}
        tool==1 ; os_name == "posix" --hash={B}
        """,
    )
    assert [(entry.title, str(entry.condition)) for entry in lock.entries] == [
        ("attrs 25.1.0", ""),
        ("six 1.17.0", ""),
        ("tool 1", 'os_name == "nt" or os_name == "posix"'),
    ]
    assert lock.entries[1].digests == {A}
    assert lock.entries[2].digests == {A, B}
    assert faults(lock, tmp_path) == [
        "sub/more.txt:1 `--hash`: nothing, expected a hash, as other lines have one"
    ]


@pytest.mark.parametrize(
    ("line", "project", "version", "place", "files"),
    [
        (
            f"direct @ {WHEEL}#sha256={'aa' * 32}",
            "direct",
            "1.0",
            Place(kind=PlaceKind.ARCHIVE, location=WHEEL),
            [(WHEEL, {"sha256": "aa" * 32})],
        ),
        (
            f"direct @ {WHEEL} --hash={B}",
            "direct",
            "1.0",
            Place(kind=PlaceKind.ARCHIVE, location=WHEEL),
            [(WHEEL, {"sha256": "bb" * 32})],
        ),
        (
            "near-1.0-py3-none-any.whl",
            "near",
            "1.0",
            Place(kind=PlaceKind.ARCHIVE, location="near-1.0-py3-none-any.whl"),
            [("{folder}/near-1.0-py3-none-any.whl", {})],
        ),
        (
            "./wheels/near-1.0.tar.gz ; python_version > '3'",
            "near",
            "1.0",
            Place(kind=PlaceKind.ARCHIVE, location="./wheels/near-1.0.tar.gz"),
            [("{folder}/wheels/near-1.0.tar.gz", {})],
        ),
        (
            "git+https://user@git.test/repo.git@c0ffee#egg=Repo",
            "repo",
            None,
            Place(kind=PlaceKind.VCS, location="https://user@git.test/repo.git", revision="c0ffee"),
            [],
        ),
        (
            "repo @ git+https://git.test/repo",
            "repo",
            None,
            Place(kind=PlaceKind.VCS, location="https://git.test/repo"),
            [],
        ),
        (
            "repo @ hg+https://hg.test/repo@7",
            "repo",
            None,
            Place(kind=PlaceKind.VCS, location="hg+https://hg.test/repo", revision="7"),
            [],
        ),
        (
            "-e ./here[dev]",
            "my-project",
            None,
            Place(kind=PlaceKind.DIRECTORY, location="./here", editable=True),
            [],
        ),
        (
            "other @ file:///somewhere/other",
            "other",
            None,
            Place(kind=PlaceKind.DIRECTORY, location="file:///somewhere/other"),
            [],
        ),
    ],
)
def test_sources(
    tmp_path: Path,
    line: str,
    project: str,
    version: str | None,
    place: Place,
    files: list[tuple[str, dict[str, str]]],
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/pyproject.toml").write_text('[project]\nname = "My_Project"\n')
    entry = only(read(tmp_path, line))
    assert (entry.project, str(entry.version)) == (project, str(version))
    assert (entry.place, entry.complete) == (place, True)
    assert [(file.url, dict(file.hashes)) for file in entry.files] == [
        (url.replace("{folder}", tmp_path.as_uri()), hashes) for url, hashes in files
    ]
    assert entry.extras == ({"dev"} if "[dev]" in line else set())
    assert str(entry.condition) == ('python_version > "3"' if ";" in line else "")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("numpy>=1", "`'numpy>=1'`, which is not pinned, expected `==` and one version"),
        ("numpy==1.*", "`'numpy==1.*'`, which is not pinned, expected `==` and one version"),
        ("numpy", "`'numpy'`, which is not pinned, expected `==` and one version"),
    ],
)
def test_a_line_that_is_not_pinned_is_an_entry_without_version(
    tmp_path: Path, line: str, fault: str
) -> None:
    lock = read(tmp_path, line)
    assert (only(lock).project, only(lock).version, only(lock).complete) == ("numpy", None, False)
    assert faults(lock, tmp_path) == [f"requirements.txt:1 `version`: {fault}"]
    assert lock.faults[0].project == "numpy"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("not a requirement", "`requirement`: `'not a requirement'` (Expected"),
        ("b==1 ; extra == 'x'", "`marker`: `'extra == \"x\"'` (the marker variable `extra` means"),
        (
            "b==1 --hash=sha256:00",
            "`--hash`: `'sha256:00'` (has 2 digits, not 64), expected a hash",
        ),
        ("./nothing", "`name`: `'./nothing'`, whose name is not known, expected `NAME @ address`"),
        ("git+https://git.test/x", "`name`: `'git+https://git.test/x'`, whose name is not known"),
        ("./a ; python =", "`marker`: `'python ='` (Expected"),
        ("-r https://files.test/more.txt", "`--requirement`: `'https://files.test/more.txt'`"),
        ("file://[", "`name`: `'file://['`, whose name is not known, expected `NAME @ address`"),
        ("--require-hashes", "`--hash`: nothing, expected a hash, as other lines have one"),
    ],
)
def test_each_fault(tmp_path: Path, line: str, fault: str) -> None:
    lock = read(tmp_path, f"six==1.17.0\n{line}\n")
    assert lock.entries[0].title == "six 1.17.0"
    place = "requirements.txt:1" if line.startswith("--r") else "requirements.txt:2"
    assert faults(lock, tmp_path)[0].startswith(f"{place} {fault}")


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "This is prose.\n",
            SourceError,
            "`{path}:1`: is no requirements file: found `'This is prose.'` (Expected semicolon "
            "(after name with no version specifier) or end), expected a requirement",
        ),
        ("-r missing.txt\n", NotFoundError, "`{path}:1`: `{folder}/missing.txt`: no such file"),
        ("-r a\0b\n", SourceError, "`{path}:1`: includes what is no path: embedded null byte"),
        ("--index-url 'x\n", SourceError, "`{path}:1`: is no option: No closing quotation"),
    ],
)
def test_what_is_no_lock_is_refused(
    tmp_path: Path, text: str, kind: type[SourceError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        read(tmp_path, text)
    wanted = message.format(path=tmp_path / "requirements.txt", folder=tmp_path)
    assert str(caught.value).startswith(wanted)
