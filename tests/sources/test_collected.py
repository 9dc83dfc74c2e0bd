"""What other index servers leave in folders is told apart, and read for what it says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.build import make_sdist, make_wheel
from trueup.model.errors import NotFoundError, UsageError
from trueup.sources.collected import Collection, Kind, collect

DEVPI = Path(__file__).parent.parent / "cases" / "devpi"
"""Written by `devpi-export` of devpi-server 6.20.3; the digests of passwords were taken out."""

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def names(found: Collection) -> list[str]:
    return [file.filename for file in found.files]


def reasons(found: Collection) -> dict[str, str]:
    return {one.name: one.reason for one in found.left_out}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- a folder ---------------------------------------------------------------------------------------


def test_a_folder_flat_and_nested(tmp_path: Path) -> None:
    nested = tmp_path / "lattice" / "1.0"
    nested.mkdir(parents=True)
    (tmp_path / ".cache").mkdir()
    make_wheel(tmp_path, "my-tool", "2.0")
    make_sdist(nested, "lattice", "1.0")
    make_wheel(tmp_path / ".cache", "hidden", "1.0")
    for name in ("README.txt", ".hidden-1.0-py3-none-any.whl", "lattice-1.0.tar.gz.asc"):
        (tmp_path / name).write_bytes(b"")
    (nested / "lattice-1.0.whl").write_bytes(b"")
    (tmp_path / "old-1.0-py2.7.egg").write_bytes(b"")
    found = collect(tmp_path)
    assert found.kind is Kind.FOLDER
    assert names(found) == ["my_tool-2.0-py3-none-any.whl", "lattice-1.0.tar.gz"]
    assert set(reasons(found)) == {
        str(Path("lattice", "1.0", "lattice-1.0.whl")), "old-1.0-py2.7.egg",
    }  # fmt: skip
    assert {(file.uploaded, file.yanked, *file.hashes) for file in found.files} == {(None, None)}


def test_the_time_of_the_last_change_counts_on_demand(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "demo", "1.0")
    os.utime(path, (5.0, 7.0))
    (tmp_path / "lost-1.0-py3-none-any.whl").symlink_to(tmp_path / "nowhere")
    assert [file.uploaded for file in collect(tmp_path, by_time=True).files] == [7.0, None]


def test_folders_that_lead_in_a_circle_or_may_not_be_entered(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    shut = tmp_path / "shut"
    shut.mkdir()
    shut.chmod(0)
    try:
        found = collect(tmp_path)
    finally:
        shut.chmod(0o700)
    assert names(found) == ["demo-1.0-py3-none-any.whl"]
    if os.geteuid() != 0:
        assert reasons(found) == {"shut": "cannot be read: Permission denied"}


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such folder"):
        collect(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is no export of devpi"):
        collect(tmp_path, index="team/dev")


# --- devpi ------------------------------------------------------------------------------------------


def test_a_real_export_of_devpi() -> None:
    found = collect(DEVPI, index="team/stable")
    assert found.kind is Kind.DEVPI
    assert names(found) == [
        "lattice-1.0-py3-none-manylinux_2_17_x86_64.whl",
        "lattice-1.0-py3-none-win_amd64.whl",
        "lattice-1.0.tar.gz",
        "my_tool-2.0-py3-none-any.whl",
        "my_tool-2.1-py3-none-any.whl",
    ]
    uploaded = datetime(2026, 11, 21, 12, 28, 31, tzinfo=UTC).timestamp()
    for file in found.files:
        assert file.hashes == {"sha256": digest(file.path)}
        assert (file.uploaded, file.yanked) == (uploaded, None)
    assert found.left_out == ()


Change = Callable[[dict[str, Any]], object]


def changed(folder: Path, change: Change) -> Path:
    """The export of one index, with something else in it."""
    shutil.copytree(DEVPI, folder)
    path = folder / "dataindex.json"
    data = json.loads(path.read_text())
    del data["indexes"]["team/stable"]
    change(data)
    path.write_text(json.dumps(data))
    return folder


def first(data: dict[str, Any]) -> dict[str, Any]:
    file: dict[str, Any] = data["indexes"]["team/dev"]["files"][0]
    return file


def yanked(data: dict[str, Any], value: object) -> None:
    data["indexes"]["team/dev"]["projects"]["quarrel"]["1.0"]["yanked"] = value


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (lambda d: first(d).pop("log"), "uploaded", 1795264112.0),
        (lambda d: first(d).update(log=[{"what": "push", "when": [1, 2]}]), "uploaded", 1795264112.0),
        (lambda d: (first(d).pop("log"), first(d).pop("entrymapping")), "uploaded", None),
        (lambda d: first(d).update(log=[{"what": "upload", "when": [0] * 6}]), "uploaded", 1795264112.0),
        (lambda d: yanked(d, True), "yanked", ""),
        (lambda d: yanked(d, "broken"), "yanked", "broken"),
        (lambda d: yanked(d, False), "yanked", None),
        (lambda d: first(d).update(entrymapping={"md5": "AB"}), "hashes", {"md5": "ab"}),
        (lambda d: first(d).update(entrymapping={"hash_spec": "md5=ab"}), "hashes", {"md5": "ab"}),
        (lambda d: first(d).update(entrymapping={"hashes": {"crc": "1"}}), "hashes", {}),
        (lambda d: (d.update(dumpversion="1"), first(d).pop("version")), "yanked", None),
    ],
)  # fmt: skip
def test_what_an_export_says_of_a_file(
    tmp_path: Path, change: Change, field: str, value: object
) -> None:
    file = collect(changed(tmp_path / "export", change)).files[0]
    assert getattr(file, field) == value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(dumpversion="3"), "found dumpversion 3, expected 1 or 2"),
        (lambda d: d.pop("indexes"), "missing required field `indexes`"),
        (lambda d: first(d).update(relpath=5), "Expected `str`, got `int`"),
    ],
)
def test_an_export_that_cannot_be_read(tmp_path: Path, change: Change, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        collect(changed(tmp_path / "export", change))


def test_one_of_several_indexes_has_to_be_named() -> None:
    with pytest.raises(UsageError, match="several indexes: found `team/dev`, `team/stable`"):
        collect(DEVPI)
    with pytest.raises(UsageError, match="no such index: found `team/prod`"):
        collect(DEVPI, index="team/prod")


@pytest.mark.parametrize(
    ("fields", "name", "reason"),
    [
        ({"type": "doczip", "relpath": "team/dev/quarrel-1.0.doc.zip"},
         "team/dev/quarrel-1.0.doc.zip", "is a doczip, no artifact"),
        ({"relpath": "../../etc/passwd"}, "../../etc/passwd", "lies outside of the export"),
        ({"relpath": "a\0b.whl"}, "a\0b.whl", "lies outside of the export"),
        ({"relpath": "team/dev/x.egg"}, "x.egg", ""),
    ],
)  # fmt: skip
def test_what_is_left_out_of_an_export(
    tmp_path: Path, fields: dict[str, str], name: str, reason: str
) -> None:
    found = collect(changed(tmp_path / "export", lambda d: first(d).update(fields)))
    assert len(found.files) == 1
    assert reason in reasons(found)[name]


# --- a mirror ---------------------------------------------------------------------------------------


def mirror(root: Path, *, form: str = "json", link: str = "../..", hashed: bool = False) -> Path:
    """A mirror of one project, laid out as bandersnatch does."""
    packages = root / "web" / "packages" / "ab" / "cd" / "ef01"
    page = root / "web" / "simple" / ("d/demo" if hashed else "demo")
    packages.mkdir(parents=True)
    page.mkdir(parents=True)
    (root / "web" / "simple" / "index.html").write_text("<!DOCTYPE html><html><body></body></html>")
    wheel = make_wheel(packages, "demo", "1.0")
    sha256 = digest(wheel)
    address = f"{link}/packages/ab/cd/ef01/{wheel.name}"
    gone = f"{link}/packages/ab/cd/ef02/demo-2.0-py3-none-any.whl"
    if form == "json":
        files = [
            {
                "filename": wheel.name, "url": address, "hashes": {"sha256": sha256},
                "yanked": "broken", "upload-time": "2026-11-21T12:00:00Z", "requires-python": "",
                "size": 1,
            },
            {"filename": "demo-2.0-py3-none-any.whl", "url": gone, "hashes": {"sha256": "0" * 64}},
        ]  # fmt: skip
        text = json.dumps({"meta": {"api-version": "1.1"}, "name": "demo", "files": files})
        (page / "index.v1_json").write_text(text)
    else:
        (page / "index.html").write_text(
            '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"></head>'
            f'<body><a href="{address}#sha256={sha256}" data-yanked="broken">{wheel.name}</a><br/>'
            f'<a href="{gone}">demo-2.0-py3-none-any.whl</a></body></html>'
        )
    return root


@pytest.mark.parametrize("below", [".", "web", "web/simple"])
@pytest.mark.parametrize("form", ["json", "html"])
def test_a_mirror_in_static_files(tmp_path: Path, form: str, below: str) -> None:
    found = collect(mirror(tmp_path, form=form) / below)
    assert found.kind is Kind.MIRROR
    (file,) = found.files
    assert file.hashes == {"sha256": digest(file.path)}
    assert file.yanked == "broken"
    assert file.uploaded == (NOON.timestamp() if form == "json" else None)
    assert reasons(found) == {"demo-2.0-py3-none-any.whl": "is on a page, and not there"}


def test_a_mirror_whose_links_are_whole_addresses(tmp_path: Path) -> None:
    found = collect(mirror(tmp_path, link="https://mirror.index.test/root"))
    assert len(found.files) == 1


def test_a_mirror_whose_projects_are_sorted_by_letters(tmp_path: Path) -> None:
    found = collect(mirror(tmp_path, link="../../..", hashed=True))
    assert len(found.files) == 1


@pytest.mark.parametrize(
    "link", ["../../../../..", "file:///etc", "https://index.test/packages/%00"]
)
def test_links_that_lead_out_of_a_mirror(tmp_path: Path, link: str) -> None:
    found = collect(mirror(tmp_path / "mirror", link=link))
    assert found.files == ()
    said = set(reasons(found).values())
    assert said <= {"lies outside of the mirror", "is on a page, and not there"}


@pytest.mark.parametrize("text", ["{", "[]", '{"meta": {"api-version": "2.0"}, "files": []}'])
def test_pages_of_a_mirror_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    root = mirror(tmp_path)
    other = root / "web" / "simple" / "other"
    other.mkdir()
    (other / "index.v1_json").write_text(text)
    found = collect(root)
    assert len(found.files) == 1
    assert str(Path("other", "index.v1_json")) in reasons(found)


def test_errors_of_pages_are_told_without_an_address(tmp_path: Path) -> None:
    root = mirror(tmp_path)
    (root / "web" / "simple" / "demo" / "index.v1_json").write_text("{")
    assert str(root) not in " ".join(reasons(collect(root)).values())
