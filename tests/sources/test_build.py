"""The builder, in the sandbox: what goes in, what comes out, what is refused, what fails how."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend import PYPROJECT, make_backend, make_project
from tests.build import make_sdist, make_wheel, zip_bytes
from tests.sandboxed import sandbox_or_skip
from trueup.model.errors import SourceError, UsageError
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.proof import Condition, Run
from trueup.sources.build import Builder, Situation, pack_tree
from trueup.sources.environment import Environments
from trueup.sources.folder import FolderSource
from trueup.sources.interpreter import OLDEST, find_interpreters, inspect
from trueup.sources.sandbox import Allowance, Sandbox, Unconfined

PLAIN = Condition(name="baseline")
MEBIBYTE = 1024**2
SMALL = Allowance(seconds=20, memory=1000 * MEBIBYTE, processes=60, disk=40 * MEBIBYTE)


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    """Environments from a wheelhouse with three versions of the backend, made once."""
    wheelhouse = tmp_path_factory.mktemp("wheelhouse")
    make_backend(wheelhouse)
    make_wheel(wheelhouse, "helper", "1.0")
    make_sdist(wheelhouse, "sourced", "1.0")
    with Environments(
        source=FolderSource([wheelhouse]), environ=os.environ, wheelhouse=wheelhouse
    ) as made:
        yield made


@pytest.fixture(params=["confined", "unconfined"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return sandbox_or_skip() if request.param == "confined" else Unconfined()


def builder(
    sdist: Path,
    environments: Environments,
    *,
    sandbox: Sandbox | None = None,
    allowance: Allowance = SMALL,
) -> Builder:
    return Builder(
        sdist,
        sandbox=sandbox or sandbox_or_skip(),
        environments=environments,
        allowance=allowance,
    )


def requires(run: Run) -> tuple[str, ...]:
    assert isinstance(run.metadata, Metadata), run.metadata
    return run.metadata.fields.get("requires-dist", ())


def failure(run: Run) -> str:
    assert isinstance(run.metadata, Unreadable)
    return run.metadata.reason


def test_metadata_and_wheel(tmp_path: Path, environments: Environments, sandbox: Sandbox) -> None:
    made = builder(make_project(tmp_path, requires=["a"]), environments, sandbox=sandbox)
    assert made.contents.requires == ("tinybuild>=1.0",)
    assert made.contents.backend == "tinybackend"
    assert set(made.contents.files) == {"PKG-INFO", "project.py", "pyproject.toml"}
    for _ in range(2):
        run = made.metadata(PLAIN, Situation())
        assert requires(run) == ("a",)
    assert run.python == sys.version.split()[0]
    assert [(one.name, one.version, len(one.sha256 or "")) for one in run.installed] == [
        ("tinybuild", "2.0", 64)
    ]
    whole = made.wheel(PLAIN, Situation())
    assert requires(whole) == ("a",)
    assert whole.wheel is not None
    assert whole.wheel[0] == "demo-1.0-py3-none-any.whl"


def test_the_lowest_version_and_a_backend_without_the_hook(
    tmp_path: Path, environments: Environments
) -> None:
    sdist = make_project(tmp_path, "requires.append('made-by-' + BACKEND)")
    made = builder(sdist, environments)
    assert requires(made.metadata(PLAIN, Situation())) == ("made-by-2.0",)
    lowest = made.metadata(PLAIN, Situation(lowest=True))
    # 1.0 makes a whole wheel, from which the metadata is taken.
    assert requires(lowest) == ("made-by-1.0",)
    assert [one.version for one in lowest.installed] == ["1.0"]


def test_what_the_backend_asks_for(tmp_path: Path, environments: Environments) -> None:
    code = "REQUIRES = ['helper']\ntry:\n    import helper\n    requires.append('found')\n"
    sdist = make_project(tmp_path, code + "except ImportError:\n    pass")
    run = builder(sdist, environments).metadata(PLAIN, Situation())
    assert requires(run) == ("found",)
    assert [one.name for one in run.installed] == ["helper", "tinybuild"]


SITUATIONS = {
    "os.environ.get('FLAVOUR', 'plain')": (Situation(environment={"FLAVOUR": "mpi"}), "mpi"),
    "os.path.basename(os.path.dirname(os.getcwd()))": (Situation(folder="elsewhere"), "elsewhere"),
    "'in-%d' % datetime.date.today().year": (Situation(clock=-40 * 366 * 86400), None),
    "'in-%d' % datetime.datetime.now().year": (Situation(clock=-40 * 366 * 86400), None),
    "time.strftime('in-%Y')": (Situation(clock=-40 * 366 * 86400), None),
    "sys.platform": (Situation(pretended="win32,Windows,AMD64"), "win32"),
    "platform.machine().lower()": (Situation(pretended="win32,Windows,AMD64"), "amd64"),
    "os.name": (Situation(pretended="win32,Windows,AMD64"), "nt"),
    "platform.system()": (Situation(pretended="darwin,Darwin,arm64"), "Darwin"),
    "platform.uname().machine": (Situation(pretended="darwin,Darwin,arm64"), "arm64"),
    "str(isinstance(datetime.datetime.fromtimestamp(0), datetime.datetime))": (
        Situation(clock=1),
        "True",
    ),
}


def test_every_situation_is_seen_inside(tmp_path: Path, environments: Environments) -> None:
    head = "import datetime, os, platform, sys, time\n"
    for number, (code, (situation, expected)) in enumerate(SITUATIONS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        made = builder(make_project(folder, f"{head}requires.append({code})"), environments)
        (said,) = requires(made.metadata(PLAIN, situation))
        if expected is not None:
            assert said == expected, code
        else:
            (plain,) = requires(made.metadata(PLAIN, Situation()))
            years = int(plain.removeprefix("in-")) - int(said.removeprefix("in-"))
            assert years in (40, 41), code


def test_another_python(tmp_path: Path, environments: Environments) -> None:
    others = [one for one in find_interpreters(os.environ) if one.minor != sys.version_info[:2]]
    if not others:
        pytest.skip("no other Python is installed here")
    sdist = make_project(tmp_path, "import sys; requires.append('on-%d.%d' % sys.version_info[:2])")
    run = builder(sdist, environments).metadata(PLAIN, Situation(interpreter=others[0]))
    assert requires(run) == (f"on-{others[0].label}",)
    assert run.python == others[0].version
    assert all(one.minor >= OLDEST for one in others)


# --- what fails, and how that is said -----------------------------------------------------------

ENDLESS = "while True: pass"
WORST = {
    "import os\nwhile True: os.fork()": "it wanted more than 60 processes",
    "f = open('big', 'wb')\nwhile True: f.write(bytes(10**6))": "it wrote more than 40 MiB",
    ENDLESS: "it took more than 3 s",
    "x = bytes(10**11)": "it wanted more than 1,000 MiB of memory",
    "import urllib.request; urllib.request.urlopen('http://192.0.2.1')": (
        "it wants the network, and there is none in the sandbox"
    ),
}


@pytest.mark.parametrize("code", WORST)
def test_the_worst_is_contained_and_said(
    tmp_path: Path, environments: Environments, code: str
) -> None:
    allowance = Allowance(
        seconds=3 if code == ENDLESS else 60,
        memory=SMALL.memory,
        processes=SMALL.processes,
        disk=SMALL.disk,
    )
    made = builder(make_project(tmp_path, code), environments, allowance=allowance)
    said = failure(made.metadata(PLAIN, Situation()))
    assert said.startswith(f"its backend did not say what it needs: {WORST[code]}")


def test_an_error_of_the_project(tmp_path: Path, environments: Environments) -> None:
    made = builder(make_project(tmp_path, "raise ValueError('no compiler')"), environments)
    assert failure(made.metadata(PLAIN, Situation())) == (
        "its backend did not say what it needs: found ValueError: no compiler"
    )


def test_an_error_that_a_terminal_would_obey(tmp_path: Path, environments: Environments) -> None:
    made = builder(make_project(tmp_path, r"raise ValueError('\x1b[2J gone')"), environments)
    assert "\x1b" not in failure(made.metadata(PLAIN, Situation()))


def test_without_the_extra(
    tmp_path: Path, environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        Builder(make_project(tmp_path), sandbox=Unconfined(), environments=environments)
    assert str(caught.value) == "this needs `build`, which is not installed"
    assert caught.value.hint == "install it with `pip install 'trueup[prove]'`"


@pytest.mark.parametrize("requirement", ["sourced", "nowhere>=3"])
def test_build_requirements_come_from_wheels_only(
    tmp_path: Path, environments: Environments, requirement: str
) -> None:
    pyproject = PYPROJECT.replace("tinybuild>=1.0", requirement)
    made = builder(make_sdist(tmp_path, "demo", "1.0", pyproject=pyproject), environments)
    run = made.metadata(PLAIN, Situation())
    assert failure(run).startswith(
        f"the build requirements cannot be installed from wheels: `{requirement}`: found "
    )
    assert isinstance(run.metadata, Unreadable)
    assert "an sdist among them is refused" in (run.metadata.hint or "")
    assert run.installed == ()


def test_a_wheel_cannot_run_on_the_host(tmp_path: Path) -> None:
    """A `.pth` file is code that every Python of its environment runs at its start."""
    wheelhouse = tmp_path / "wheels"
    wheelhouse.mkdir()
    make_backend(wheelhouse)
    witness = tmp_path / "witness"
    code = f"import pathlib; pathlib.Path({str(witness)!r}).touch()\n"
    make_wheel(wheelhouse, "evil", "1.0", files={"evil.pth": code.encode()})
    make_wheel(wheelhouse, "helper", "1.0")
    pyproject = PYPROJECT.replace('"tinybuild>=1.0"', '"tinybuild", "evil"')
    sdist = make_project(tmp_path, "REQUIRES = ['helper']")
    data = sdist.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        project = packed.extractfile("demo-1.0/project.py")
        assert project is not None
        text = project.read()
    sdist = make_sdist(tmp_path, "demo", "1.0", pyproject=pyproject, files={"project.py": text})
    with Environments(
        source=FolderSource([wheelhouse]), environ=os.environ, wheelhouse=wheelhouse
    ) as environments:
        run = builder(sdist, environments).metadata(PLAIN, Situation())
        assert isinstance(run.metadata, Metadata), run.metadata
    assert [one.name for one in run.installed] == ["evil", "helper", "tinybuild"]
    assert not witness.exists()


def test_archives_that_are_none(tmp_path: Path, environments: Environments) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(SourceError) as caught:
        builder(path, environments).contents  # noqa: B018 - reading it is the test
    assert "the sdist cannot be unpacked and looked at" in str(caught.value)


def test_a_path_that_leads_out_ends_inside(tmp_path: Path, environments: Environments) -> None:
    path = tmp_path / "demo-1.0.zip"
    path.write_bytes(zip_bytes([("demo-1.0/setup.py", b"x"), ("../../../../../x", b"x")]))
    contents = builder(path, environments).contents
    assert contents.files == {"setup.py": b"x"}
    assert (contents.backend, contents.requires) == (
        "setuptools.build_meta:__legacy__",
        ("setuptools >= 40.8.0",),
    )


def test_what_is_no_project(tmp_path: Path, environments: Environments) -> None:
    with pytest.raises(SourceError) as caught:
        builder(make_sdist(tmp_path, "demo", "1.0"), environments).contents  # noqa: B018
    assert "no pyproject.toml or setup.py" in str(caught.value)


# --- trees, Pythons -----------------------------------------------------------------------------


def test_a_tree_gives_an_sdist(tmp_path: Path, environments: Environments) -> None:
    tree = tmp_path / "tree"
    (tree / ".venv").mkdir(parents=True)
    (tree / ".venv/secret").write_text("x")
    (tree / "pyproject.toml").write_text(PYPROJECT)
    (tree / "project.py").write_text(
        "METADATA = 'Metadata-Version: 2.4\\nName: demo\\nVersion: 1.0\\n'"
    )
    archive = tmp_path / "tree.tar.gz"
    pack_tree(tree, archive)
    with tarfile.open(archive) as packed:
        assert sorted(packed.getnames()) == ["tree", "tree/project.py", "tree/pyproject.toml"]
    name, data = builder(archive, environments).sdist(Situation())
    assert name == "demo-1.0.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(data)) as sdist:
        assert "demo-1.0/PKG-INFO" in sdist.getnames()


def test_pythons(tmp_path: Path) -> None:
    own = inspect(Path(sys.executable))
    assert (own.minor, own.label) == (sys.version_info[:2], "{}.{}".format(*sys.version_info))
    (tmp_path / "python3.99").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3.99").chmod(0o755)
    assert find_interpreters({"PATH": str(tmp_path)}) == ()
    with pytest.raises(SourceError):
        inspect(tmp_path / "python3.99")
    (tmp_path / "python3.11").symlink_to(own.executable)
    found = find_interpreters({"PATH": f"{tmp_path}:/nowhere"})
    assert [one.executable for one in found] == [own.executable]
