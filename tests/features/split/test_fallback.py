"""The generated loader: where it is called in any `__init__.py`, and what it does where."""

from __future__ import annotations

import ast
import runpy
import sys
import zipfile
from pathlib import Path

import pytest

from trueup.features.split.fallback import LOADER, loader_source, with_loader
from trueup.model.errors import ArchiveError

CALL = b"from . import _nl_load as _nl_load  # added by trueup split: loads shared libraries"
BOM = b"\xef\xbb\xbf"

PLACES = {
    "nothing": (b"", b"CALL\n"),
    "code": (b"import os\n", b"CALL\nimport os\n"),
    "a docstring": (b'"""Doc."""\nimport os\n', b'"""Doc."""\nCALL\nimport os\n'),
    "no newline at the end": (b'"""Doc."""', b'"""Doc."""\nCALL\n'),
    "the future": (
        b"# licence\nfrom __future__ import (\n    annotations,\n)\n\nimport os\n",
        b"# licence\nfrom __future__ import (\n    annotations,\n)\nCALL\n\nimport os\n",
    ),
    "CRLF": (b'"""Doc."""\r\nx = 1\r\n', b'"""Doc."""\r\nCALL\r\nx = 1\r\n'),
    "CR": (b"x = 1\ry = 2\r", b"CALL\rx = 1\ry = 2\r"),
    "a byte order mark": (BOM + b"x = 1\n", BOM + b"CALL\nx = 1\n"),
    "a byte order mark alone": (BOM, BOM + b"CALL\n"),
    "an encoding": (
        b"# coding: latin-1\nx = '\xe9'\n",
        b"# coding: latin-1\nCALL\nx = '\xe9'\n",
    ),
    "an encoding in the second line": (
        b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\nCALL\nx = '\xe9'\n",
    ),
    "an encoding after a comment": (
        b"# licence\n# vim: set fileencoding=latin-1 :\n'''\xe9'''\nx = 1\n",
        b"# licence\n# vim: set fileencoding=latin-1 :\n'''\xe9'''\nCALL\nx = 1\n",
    ),
    "an encoding alone": (b"# coding: latin-1", b"# coding: latin-1\nCALL\n"),
    "a form feed": (b'"""Doc.\x0c"""\n\x0c\nx = 1\n', b'"""Doc.\x0c"""\nCALL\n\x0c\nx = 1\n'),
    "a formatted string is no docstring": (b'f"Doc."\n', b'CALL\nf"Doc."\n'),
    "a comment beside the docstring": (b'"Doc."  # doc\nx = 1\n', b'"Doc."  # doc\nCALL\nx = 1\n'),
    "an escape that is none": (b'"\\d"\nx = "\\d"\n', b'"\\d"\nCALL\nx = "\\d"\n'),
}


@pytest.mark.parametrize("name", PLACES)
def test_it_is_called_first_and_the_file_reads_as_before(name: str) -> None:
    source, expected = PLACES[name]
    assert with_loader(source) == expected.replace(b"CALL", CALL)


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", PLACES)
def test_the_docstring_stays_one(name: str) -> None:
    source = PLACES[name][0]
    before, after = ast.parse(source), ast.parse(with_loader(source))
    assert ast.get_docstring(after) == ast.get_docstring(before)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"def (\n", "is no Python of this version"),
        (b"x = '\xe9'\n", "is no Python of this version"),
        (b"x = '\0'\n", "is no Python of this version"),
        (b'"Doc."; x = (\n1)\n', "goes on in the line where its introduction ends"),
        (b'"Doc." \\\n\nx = 1\n', "goes on in the line where its introduction ends"),
        (b'"Doc."; import os\n', "goes on in the line where its introduction ends"),
    ],
)
def test_what_has_no_place_for_it_is_refused(source: bytes, reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason):
        with_loader(source)


@pytest.fixture
def loader(tmp_path: Path) -> Path:
    """The loader of a package that needs a library of a distribution that is not there."""
    path = tmp_path / "demo" / f"{LOADER}.py"
    path.parent.mkdir()
    path.write_bytes(loader_source([("nl-deep-0", "1.0", "_nl/libdeep-0.so.1")]))
    return path


def test_a_library_beside_it_is_left_to_the_search_path(loader: Path) -> None:
    library = loader.parents[1] / "_nl" / "libdeep-0.so.1"
    library.parent.mkdir()
    library.write_bytes(b"not even a library")
    runpy.run_path(str(loader))


def test_what_is_missing_is_named(loader: Path) -> None:
    with pytest.raises(ImportError, match=r"the distribution nl-deep-0==1\.0, which brings lib"):
        runpy.run_path(str(loader))


def test_a_distribution_without_the_library_is_named(
    loader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every site-packages is asked: the first that knows the name may be the wrong one."""
    for folder, version in (("user", "0.9"), ("system", "0.8")):
        info = loader.parent / folder / f"nl_deep_0-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: nl-deep-0\nVersion: {version}\n", "utf-8")
        monkeypatch.syspath_prepend(str(info.parent))
    with pytest.raises(ImportError, match=r"installed as version 0\.8, without libdeep-0\.so\.1"):
        runpy.run_path(str(loader))
    library = loader.parent / "user" / "_nl" / "libdeep-0.so.1"
    library.parent.mkdir()
    library.write_bytes(b"not even a library")
    with pytest.raises(OSError, match="user/_nl"):  # found, and it is the loader that refuses
        runpy.run_path(str(loader))


def test_frozen_it_leaves_the_libraries_to_whoever_froze_it(loader: Path) -> None:
    exec(compile(loader.read_bytes(), "<frozen demo>", "exec"), {"__name__": "demo._nl_load"})


def test_in_an_archive_there_is_nothing_to_load(
    loader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = loader.parent / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped/__init__.py", with_loader(b"x = 1\n"))
        file.write(loader, f"zipped/{LOADER}.py")
    monkeypatch.syspath_prepend(str(archive))
    import zipped  # type: ignore[import-not-found]

    assert zipped.x == 1
    for name in ("zipped", f"zipped.{LOADER}"):
        sys.modules.pop(name)
