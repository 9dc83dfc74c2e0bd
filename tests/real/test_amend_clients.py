"""Real tools accept what `amend` writes: installer, pip, uv, wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from installer.utils import get_launcher_kind
from uv import find_uv_bin

from tests.build import make_wheel
from tests.ziprules import broken_rules
from trueup.features.amend import AddRequires, Identity, Naming, Place, open_subjects, plan, write

FILES = {
    "demo/__main__.py": b"def run(): print('runs')\n",
    "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\ndemo = demo.__main__:run\n",
    "demo-1.0.dist-info/licenses/LICENSE": b"free\n",
    "demo-1.0.data/data/share/demo.txt": b"text\n",
}
NAMINGS = {
    "keep": Naming(),
    "build": Naming(identity=Identity.BUILD),
    "local": Naming(identity=Identity.LOCAL, local="nl.1"),
}


@pytest.fixture(params=NAMINGS)
def wheel(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = make_wheel(tmp_path, "demo", "1.0", requires=["pandas"], files=FILES, body="A text")
    planned = plan(
        open_subjects([path]),
        [AddRequires(requirements=("numpy>=2",))],
        naming=NAMINGS[request.param],
        place=Place(output=tmp_path / "out"),
    )
    (done,) = write(planned)
    assert broken_rules(done.target.read_bytes()) == []
    return done.target


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def check_installed(folder: Path, wheel: Path) -> None:
    """The new requirement is what an installed environment reports, and the code is there."""
    version = wheel.name.split("-")[1]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from importlib.metadata import distribution\n"
        "found = distribution('demo')\n"
        "assert found.version == sys.argv[2], found.version\n"
        "assert found.requires == ['pandas', 'numpy>=2'], found.requires\n"
        "assert found.metadata.get_payload() == 'A text', found.metadata.get_payload()\n"
        "import demo.__main__\n"
    )
    run(sys.executable, "-I", "-c", code, folder, version)


def test_installer(wheel: Path, tmp_path: Path) -> None:
    schemes = {name: str(tmp_path / "to" / name) for name in ("purelib", "platlib", "headers")}
    schemes |= {name: str(tmp_path / "to" / name) for name in ("scripts", "data")}
    kind = get_launcher_kind()
    with WheelFile.open(wheel) as source:
        source.validate_record(validate_contents=True)
        destination = SchemeDictionaryDestination(schemes, sys.executable, kind)
        install(source, destination, {"INSTALLER": b"test"})
    check_installed(tmp_path / "to" / "purelib", wheel)


def test_pip(wheel: Path, tmp_path: Path) -> None:
    options = ["--no-index", "--no-deps", "--disable-pip-version-check", "--no-compile"]
    target = tmp_path / "to"
    run(sys.executable, "-m", "pip", "install", *options, "--target", target, wheel)
    check_installed(target, wheel)


def test_uv(wheel: Path, tmp_path: Path) -> None:
    options = ["--offline", "--no-index", "--no-deps", "--no-cache", "--no-config"]
    target = tmp_path / "to"
    python = ["--python", sys.executable]
    run(find_uv_bin(), "pip", "install", *options, *python, "--target", target, wheel)
    check_installed(target, wheel)


def test_wheel_unpack(wheel: Path, tmp_path: Path) -> None:
    """`wheel unpack` compares every member with RECORD."""
    run(sys.executable, "-m", "wheel", "unpack", "--dest", tmp_path / "to", wheel)
    (folder,) = (tmp_path / "to").iterdir()
    check_installed(folder, wheel)
