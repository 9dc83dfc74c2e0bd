"""`trueup libs` as a user runs it: wheels, folders, releases, locks, environments, mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.build import make_wheel
from tests.compiler import needs_compiler
from tests.index_server import IndexServer
from tests.natives import native_wheel
from trueup.interfaces.cli.main import main

pytestmark = [needs_compiler]

THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
LIBRARY = "demo.libs/libdeep-0123abcd.so.1.2.3"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return native_wheel(tmp_path / "dist", python=f"{THIS}-{THIS}")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    found = main(["libs", *arguments])
    captured = capsys.readouterr()
    assert found == code, captured.err
    return captured.out if code != 2 else captured.err


def test_one_wheel(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, str(wheel))
    assert text.startswith(f"Linux x86_64, Python 3.{sys.version_info.minor}\n  demo 1.0   2 files")
    assert f"\n    {LIBRARY.rpartition('/')[2]}   " in text
    assert "used by fast" in text
    assert "1 distribution; 2 native files" in text.splitlines()[-1]


def test_who(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, str(wheel), "--who", "deep")
    name = LIBRARY.rpartition("/")[2]
    assert f"1 copy of `deep`\n  demo 1.0   loads its own   {name}\n" in text
    assert f"\n\n  {LIBRARY}\n    of demo 1.0" in text
    assert "demo/fast.abi3.so   RPATH $ORIGIN/../demo.libs" in text
    assert "no file is, holds or asks for a library named `nothing`" in told(
        capsys, str(wheel), "--who", "nothing"
    )


def test_a_folder_with_two_pythons_tells_what_is_stored_twice(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    native_wheel(wheel.parent, python="cp310-cp310")
    document = json.loads(told(capsys, str(wheel.parent), "--format", "json"))
    assert document["schema"] == "trueup.native-report/1"
    wasted = {
        one["degree"]: one["groups"]
        for one in document["summary"]["duplicated"]
        if one["scope"] == "across the wheels of one release"
    }
    assert wasted == dict.fromkeys(wasted, 1)
    (image,) = next(
        file["images"] for file in document["distributions"][0]["files"] if file["path"] == LIBRARY
    )
    assert image["name"] == "libdeep-0123abcd.so.1.2.3"
    assert image["format"] == "ELF"
    assert len(image["build_id"]) == 40


def test_the_page(wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "libs.html"
    told(capsys, str(wheel), "--format", "html", "-o", str(page))
    assert "libdeep-0123abcd.so.1.2.3" in page.read_text("utf-8")


def test_a_release_and_a_lock(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a release the wheel of the wanted environment is fetched, or all of them."""
    native_wheel(wheel.parent, python="cp310-cp310")
    with IndexServer() as server:
        server.add_folder(wheel.parent)
        index = ("--index", server.url, "--no-cache")
        one = told(capsys, "demo==1.0", *index, "--for", "cp310-linux-x86_64-glibc2.17")
        assert "Python 3.10" in one
        assert "1 distribution; 2 native files" in one
        assert "2 distributions; 4 native files" in told(capsys, "demo", *index, "--all-wheels")
        lock = tmp_path / "pylock.toml"
        subprocess.run(
            [find_uv_bin(), "pip", "compile", "-q", "--no-config", "--index-url", server.url,
             "--format", "pylock.toml", "-o", str(lock), "-"],
            input=b"demo==1.0\n", check=True, timeout=60, cwd=tmp_path,
        )  # fmt: skip
        target = f"{THIS}-linux-x86_64-glibc2.17"
        locked = told(capsys, "--lock", str(lock), *index, "--for", target)
        assert locked.startswith(f"{target}\n  demo 1.0")
        assert main(["libs", "--lock", str(lock), *index, "--for", "cp39-linux-x86_64"]) == 2
        assert "installs nothing on cp39-linux-x86_64" in capsys.readouterr().out


def test_a_bare_name_means_the_newest_release_for_this_environment(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    native_wheel(wheel.parent, version="2.0", python="cp310-cp310")
    with IndexServer() as server:
        server.add_folder(wheel.parent)
        index = ("--index", server.url, "--no-cache")
        assert "  demo 1.0   2 files" in told(capsys, "demo", *index)
        assert main(["libs", "demo==2.0", *index]) == 2
        text = capsys.readouterr().out.replace("\n  ", " ")
        assert "`demo==2.0`: has no wheel for this environment" in text
        assert main(["libs", "demo==3.0", *index]) == 2
        assert "is no release of it; the newest is 2.0" in capsys.readouterr().out


def test_who_and_check_say_what_they_cannot_answer(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(capsys, str(wheel), "--who", "deep", "--format", "json", code=2)
    assert "error: `--who` answers in text: found `--format json`" in text
    assert told(capsys, str(wheel), "--check").startswith("nothing to compare: none of 1 dist")


def test_an_environment(wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv/bin/python"
    command = [find_uv_bin(), "pip", "install", "-q", "--python", str(python), "--offline"]
    subprocess.run([*command, str(wheel)], check=True, timeout=60)
    for named in (tmp_path / "venv", python):
        text = told(capsys, "--python", str(named))
        assert "demo 1.0   2 files, 1 extension module" in text
        assert "used by fast" in text
    site = next((tmp_path / "venv/lib").glob("python3*/site-packages"))
    assert "demo 1.0   2 files" in told(capsys, str(site))
    (site / LIBRARY).unlink()
    text = told(capsys, "--python", str(python), code=1)
    assert "error[library-missing]: demo 1.0: nobody provides `libdeep-0123abcd.so.1.2.3`" in text


def test_a_system_copy_through_ld_library_path(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """DT_RPATH goes before LD_LIBRARY_PATH, so the wheel's own copy stays."""
    text = told(capsys, str(wheel), "--who", "deep", "--library-path", "elsewhere")
    assert "RPATH $ORIGIN/../demo.libs" in text


MISTAKES = {
    "no wheel": (["setup.py"], "is no wheel"),
    "an empty folder": (["empty"], "holds neither wheels nor installed packages"),
    "no environment": (["--python", "empty"], "has no site-packages"),
    "no such rule": (
        ["demo.whl", "--select", "library-lost"],
        "no rule has the code `library-lost`",
    ),
    "no such device": (["demo.whl", "--gpu", "rtx"], "`rtx`"),
    "no lock": (["--lock", "setup.py"], "setup.py"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(
    name: str,
    wheel: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments, message = MISTAKES[name]
    folder = wheel.parent
    (folder / "empty").mkdir()
    (folder / "setup.py").write_text("import setuptools\n", "utf-8")
    monkeypatch.chdir(folder)
    arguments = [str(wheel) if one == "demo.whl" else one for one in arguments]
    assert message in told(capsys, *arguments, code=2)


def test_what_cannot_be_read_is_told_and_the_rest_is_reported(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = wheel.parent / f"torn-1.0-{THIS}-{THIS}-manylinux_2_17_x86_64.whl"
    broken.write_bytes(wheel.read_bytes()[:400])
    assert main(["libs", str(wheel.parent)]) == 2
    text = capsys.readouterr().out
    assert "demo 1.0   2 files" in text
    assert f"could not judge `{broken}`: is no zip archive, or is cut off" in text.replace(
        "\n  ", " "
    )


def test_a_damaged_library_is_a_finding(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "torn/fast.so": b"\x7fELF\x02\x01\x01" + b"\xff" * 200,
        "torn/Main.class": b"\xca\xfe\xba\xbe\0\0\0\x41x",
    }
    torn = make_wheel(tmp_path, "torn", "1.0", tags=f"{THIS}-{THIS}-linux_x86_64", files=files)
    text = told(capsys, str(torn), "--fail-on", "warning", code=1)
    assert "warning[unreadable-binary]: torn 1.0" in text
    assert "Main.class" not in text
