"""`split` and `libs` on wheels as they are published: `just live-split`.

By name from the configured index, split, installed by pip and by uv, computed with. The wheels are
those for Linux, x86-64; `TRUEUP_WHEELS=FOLDER` keeps them from one run to the next.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from installer.sources import WheelFile
from packaging.utils import parse_wheel_filename
from uv import find_uv_bin

from tests.published import Published, published, python_or_skip

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        sysconfig.get_platform() != "linux-x86_64", reason="the wheels are for Linux x86-64"
    ),
]

PYTHONS = (12, 13)
ABI = """
[library.libgmp]
version = "6.3.0"
family = "6"
soname-major = "10"
options = ["--enable-fat"]
symbol-prefix = "__gmp"

[library.libmpfr]
version = "4.2.2"
family = "4.2"
soname-major = "6"
threads = "tls"
depends = ["libgmp"]

[acknowledged]
libgmp = "neither package replaces the memory functions"
libmpfr = "both set the precision that they want, and neither relies on flags of the other"
"""
MAPPED = """
files = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print("\\n".join(sorted(files)))
"""


def run(*command: str | Path, code: int = 0, cwd: Path | None = None) -> str:
    """What a command says; it must end with ``code``."""
    # With PYTHONPATH an environment would hold what was not installed into it.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=900, check=False, cwd=cwd,
        env=environ,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def trueup(*arguments: str | Path, code: int = 0) -> str:
    return run(Path(sys.executable).with_name("trueup"), *arguments, code=code)


class Environment:
    """A fresh virtual environment, filled by pip or by uv."""

    def __init__(self, folder: Path, minor: int, tool: str) -> None:
        self.folder, self.tool = folder, tool
        run(find_uv_bin(), "venv", "--python", python_or_skip(minor), folder)
        self.python = folder / "bin/python"
        if tool == "pip":
            run(find_uv_bin(), "pip", "install", "--python", self.python, "pip")

    def install(self, *arguments: str | Path) -> None:
        if self.tool == "pip":
            run(self.python, "-m", "pip", "install", *arguments)
            run(self.python, "-m", "pip", "check")
        else:
            run(find_uv_bin(), "pip", "install", "--python", self.python, *arguments)
            run(find_uv_bin(), "pip", "check", "--python", self.python)

    def mapped(self, code: str) -> list[Path]:
        """The files that are in memory after some code ran, which must not fail."""
        return [Path(line) for line in run(self.python, "-c", code + MAPPED).splitlines()]

    @property
    def site(self) -> Path:
        (found,) = self.folder.glob("lib/python3*/site-packages")
        return found


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    with published(tmp_path_factory.mktemp("published")) as found:
        yield found


@pytest.fixture(scope="module")
def auditwheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """auditwheel as the index has it, in an environment of its own."""
    folder = tmp_path_factory.mktemp("auditwheel") / "venv"
    run(find_uv_bin(), "venv", "--python", sys.executable, folder)
    run(find_uv_bin(), "pip", "install", "--python", folder / "bin/python", "auditwheel")
    return folder / "bin/auditwheel"


def accepted(folder: Path, auditwheel: Path) -> None:
    """Every other tool takes these wheels for what they are, and so does `check`."""
    wheels = sorted(folder.glob("*.whl"))
    releases = {parse_wheel_filename(wheel.name)[:2] for wheel in wheels}
    said = trueup("check", folder, "--no-cache")
    assert said.count(": identical") == len(releases), said
    for wheel in wheels:
        assert "is consistent with" in " ".join(run(auditwheel, "show", wheel).split())
        with WheelFile.open(wheel) as opened:
            opened.validate_record()


def watched(environment: Environment, library: str) -> None:
    """`libs --check` finds nothing in an environment, and then that a library was swapped."""
    command = ("libs", "--python", environment.folder, "--check")
    trueup(*command)
    path = next(environment.site.glob(library))
    original = path.read_bytes()
    path.unlink()  # uv and its cache may share the file
    path.write_bytes(original + b"\0")
    told = trueup(*command, code=1)
    assert "pin-broken" in told
    assert path.name in told
    path.write_bytes(original)
    trueup(*command)


# --- one GMP and one MPFR for gmpy2 and python-flint ------------------------------------------------


@pytest.fixture(scope="module")
def shared(index: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    wheels = [*index.wheels("gmpy2", [PYTHONS[0]]), *index.wheels("python-flint", [PYTHONS[0]])]
    (folder / "abi.toml").write_text(ABI, "utf-8")
    said = trueup(
        "split", "--shared", "libgmp", "--shared", "libmpfr", *wheels,
        "--abi", folder / "abi.toml", "-o", folder / "out",
    )  # fmt: skip
    assert said.count("L2: the same declared recipe") == 2, "one build serves two projects"
    return folder / "out"


USE_BOTH = """
import flint, gmpy2
assert gmpy2.mpz(2) ** 200 == int(flint.fmpz(2) ** 200)
with gmpy2.context(precision=200):
    first = str(gmpy2.const_pi())[:50]
flint.ctx.dps = 60
assert str(flint.arb.pi()).lstrip("[").startswith(first)
"""


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_gmpy2_and_python_flint_share(
    tool: str, shared: Path, index: Published, tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv", PYTHONS[0], tool)
    environment.install("--no-index", "--find-links", shared, "gmpy2", "python-flint")
    files = environment.mapped(USE_BOTH)
    for name in ("libgmp", "libmpfr"):
        (library,) = (path for path in files if path.name.startswith(name))
        assert library.parent == environment.site / "_nl"
    watched(environment, "_nl/libgmp-*")

    environment.install("pytest", "hypothesis", "mpmath")
    version = parse_wheel_filename(next(shared.glob("gmpy2-*")).name)[1]
    with tarfile.open(index.sdist("gmpy2", type(version)(version.public))) as archive:
        archive.extractall(tmp_path, filter="data")
    (tests,) = tmp_path.glob("gmpy2-*/test")
    said = run(environment.python, "-m", "pytest", "-q", tests, cwd=tmp_path)
    (passed,) = re.findall(r"(\d+) passed", said.splitlines()[-1])
    assert int(passed) >= 366
    assert "failed" not in said.splitlines()[-1]
    said = run(environment.python, "-m", "flint.test", cwd=tmp_path)
    assert len(re.findall(r"all \d+ (?:doc)?tests passed", said)) == 2


def test_the_shared_wheels_are_accepted(shared: Path, auditwheel: Path) -> None:
    accepted(shared, auditwheel)


# --- companions -------------------------------------------------------------------------------------

COMPUTE = {
    "numpy": """
import numpy as np
matrix = np.random.default_rng(1).normal(size=(200, 200))
assert np.allclose(np.linalg.inv(matrix) @ matrix, np.eye(200))
assert np.allclose(np.linalg.svd(matrix).S ** 2, np.linalg.eigvalsh(matrix.T @ matrix)[::-1])
""",
    # There is no server, so what can be had of libpq and libcrypto without one.
    "psycopg2-binary": """
import psycopg2, psycopg2.extensions as extensions
assert extensions.libpq_version() >= 160000
assert extensions.parse_dsn("host=a dbname=b") == {"host": "a", "dbname": "b"}
assert extensions.encrypt_password("p", "u", algorithm="md5") == "md5" + (
    __import__("hashlib").md5(b"pu").hexdigest())
try:
    psycopg2.connect("host=127.0.0.1 port=1 sslmode=require")
except psycopg2.OperationalError as error:
    assert "refused" in str(error)
else:
    raise AssertionError
""",
    "shapely": """
import math, shapely
disc = shapely.Point(0, 0).buffer(1, quad_segs=256)
assert math.isclose(disc.area, math.pi, rel_tol=1e-4)
both = disc.intersection(shapely.box(0, 0, 2, 2))
assert math.isclose(both.area, math.pi / 4, rel_tol=1e-4)
""",
    "rasterio": """
import numpy as np, rasterio
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rasterio.warp import transform
values = np.arange(64 * 64, dtype="float32").reshape(64, 64)
with MemoryFile() as memory:
    options = dict(driver="GTiff", width=64, height=64, count=1, dtype="float32", crs="EPSG:4326",
                   transform=from_origin(10, 50, 0.1, 0.1), compress="deflate")
    with memory.open(**options) as target:
        target.write(values, 1)
    with memory.open() as source:
        assert (source.read(1) == values).all()
        (x,), (y,) = transform(source.crs, "EPSG:3857", [10.0], [50.0])
        assert (round(x), round(y)) == (1113195, 6446276)
""",
}
"""A real computation that goes through the libraries that moved."""


@pytest.fixture(scope="module", params=COMPUTE)
def companion(
    request: pytest.FixtureRequest, index: Published, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    name: str = request.param
    out = tmp_path_factory.mktemp("companion")
    wheels = index.wheels(name, PYTHONS)
    assert len(wheels) == len(PYTHONS)
    trueup("split", *wheels, "-o", out)
    return name, out


@pytest.mark.parametrize(("minor", "tool"), [(12, "pip"), (13, "uv")])
def test_a_companion_on_two_pythons(
    companion: tuple[str, Path], minor: int, tool: str, tmp_path: Path
) -> None:
    name, folder = companion
    environment = Environment(tmp_path / "venv", minor, tool)
    wheel = next(folder.glob(f"*-cp3{minor}-*"))
    # What it needs besides comes from the index, its companion from beside it.
    environment.install("--find-links", folder, wheel)
    files = environment.mapped(COMPUTE[name])
    bundle = name.replace("-", "_")
    folders = {path.parent for path in files}
    assert environment.site / f"{bundle}_libs" in folders
    assert environment.site / f"{bundle}.libs" not in folders
    watched(environment, "*_libs/lib*")


def test_the_companions_are_accepted(companion: tuple[str, Path], auditwheel: Path) -> None:
    accepted(companion[1], auditwheel)


# --- numpy on the OpenBLAS that it was built with ----------------------------------------------------


@pytest.fixture(scope="module")
def onto(index: Published, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """numpy re-pointed, and the library wheel: the newest that its own digest proves."""
    folder = tmp_path_factory.mktemp("onto")
    (wheel,) = index.wheels("numpy", [PYTHONS[0]])
    for version in index.versions("scipy-openblas64"):
        (library,) = index.wheels(f"scipy-openblas64=={version}", [PYTHONS[0]])
        command = ("split", str(wheel), "--onto", str(library), "-o", str(folder / "out"))
        program = Path(sys.executable).with_name("trueup")
        done = subprocess.run([program, *command], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            assert "L1: the same build" in done.stdout
            return folder / "out", library
        assert "is proven to have come from" in done.stderr
        assert not (folder / "out").exists()
    raise AssertionError("numpy's OpenBLAS came from none of them")


def test_numpy_onto_its_openblas(onto: tuple[Path, Path], auditwheel: Path, tmp_path: Path) -> None:
    folder, library = onto
    (wheel,) = folder.glob("numpy-*+nl.1-*.whl")
    environment = Environment(tmp_path / "venv", PYTHONS[0], "pip")
    environment.install("--no-index", "--find-links", library.parent, wheel)
    files = environment.mapped(COMPUTE["numpy"])
    (mapped,) = (path for path in files if "openblas" in path.name)
    assert mapped.is_relative_to(environment.site / "scipy_openblas64")
    watched(environment, "scipy_openblas64/lib/lib*")
    accepted(folder, auditwheel)
    shutil.rmtree(environment.site / "scipy_openblas64")
    told = run(environment.python, "-c", "import numpy", code=1)
    assert "scipy-openblas64==" in told, "the error names what is missing"
