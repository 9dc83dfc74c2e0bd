"""Where things come from: published wheels, builds under their names, and what redistributors change."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from tests.real.test_env import install, uv, venv
from trueup.interfaces.cli.main import main

LEDGER = """
[[patch]]
project = "demo"
reason = "we ship NumPy 2.5"
drop-upper = ["numpy"]
"""


class Told:
    """What `trueup env --format json` says of each distribution."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> dict[str, tuple[object, ...]]:
        found = main(["env", "--format", "json", *map(str, arguments)])
        captured = self._capsys.readouterr()
        assert found == code, captured.out + captured.err
        document = json.loads(captured.out)
        self.codes = sorted(
            (one["code"], one["severity"], one["project"]) for one in document["findings"]
        )
        return {
            one["project"]: (
                one["origin"] and one["origin"]["kind"],
                one["origin"] and one["origin"]["filename"],
                one["origin"] and one["origin"]["changed"],
                one["owner"],
            )
            for one in document["distributions"]
        }


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    make_wheel(folder, "demo", "1.0", requires=["numpy<2.3"], files={"demo/core.py": b"CORE = 1\n"})
    make_sdist(folder, "demo", "1.0", requires=["numpy<2.3"])
    make_wheel(folder, "numpy", "2.2")
    return folder


@pytest.fixture
def environment(tmp_path: Path, wheelhouse: Path) -> Path:
    folder = venv(tmp_path / "env")
    install(folder, *wheelhouse.glob("*.whl"))
    return folder


def test_what_was_published_is_known_by_its_record(
    environment: Path, wheelhouse: Path, told: Told
) -> None:
    found = told("--python", environment, "--wheelhouse", wheelhouse)
    assert found["demo"][:3] == ("published", "demo-1.0-py3-none-any.whl", [])
    assert found["numpy"][0] == "published"
    assert told.codes == [
        ("not-from-an-index", "info", "demo"), ("not-from-an-index", "info", "numpy")
    ]  # fmt: skip


@pytest.fixture
def server(wheelhouse: Path) -> Iterator[IndexServer]:
    with IndexServer() as found:
        for path in wheelhouse.iterdir():
            found.add(path.name, path.read_bytes())
        yield found


def test_the_index_is_asked_little(environment: Path, server: IndexServer, told: Told) -> None:
    found = told("--python", environment, "--published", "--index", server.url, "--no-cache")
    assert (found["demo"][0], found["numpy"][0]) == ("published", "published")
    # A page, a RECORD and a METADATA of each.
    assert len(server.requests()) <= 8


def test_a_build_under_a_published_name_is_recognised(
    tmp_path: Path, wheelhouse: Path, told: Told
) -> None:
    folder = venv(tmp_path / "env")
    local = make_wheel(
        tmp_path, "demo", "1.0", requires=["numpy<2.3", "mpi4py"],
        files={"demo/core.py": b"CORE = 2\n"},
    )  # fmt: skip
    install(folder, local)
    kind, filename, changed, _ = told("--python", folder, "--wheelhouse", wheelhouse, code=1)[
        "demo"
    ]
    assert (kind, filename) == ("local build", "demo-1.0-py3-none-any.whl")
    assert changed == [{"field": "Requires-Dist", "published": [], "installed": ["mpi4py"]}]
    assert ("local-build", "info", "demo") in told.codes
    assert ("changed-metadata", "warning", "demo") in told.codes


def test_a_redistributors_patch_is_seen_and_explained(
    tmp_path: Path, environment: Path, wheelhouse: Path, told: Told
) -> None:
    ledger = tmp_path / "patches.toml"
    ledger.write_text(LEDGER)
    (info,) = environment.glob("lib/python*/site-packages/demo-1.0.dist-info")
    assert main(["amend", "--in-place", "--apply", "--ledger", str(ledger), str(info)]) == 0, (
        told._capsys.readouterr().err
    )
    told._capsys.readouterr()
    found = told("--python", environment, "--wheelhouse", wheelhouse)
    kind, filename, changed, _ = found["demo"]
    assert (kind, filename) == ("published", "demo-1.0-py3-none-any.whl")
    assert changed == [
        {"field": "Requires-Dist", "published": ["numpy<2.3"], "installed": ["numpy"]}
    ]
    assert ("changed-metadata", "warning", "demo") in told.codes
    told("--python", environment, "--wheelhouse", wheelhouse, "--ledger", ledger)
    assert ("changed-metadata", "info", "demo") in told.codes


def test_a_root_that_a_packager_stages_and_patches(
    tmp_path: Path, wheelhouse: Path, told: Told
) -> None:
    """As an RPM is built: installed below a root, then patched by the ledger of the package."""
    root, ledger = tmp_path / "root", tmp_path / "patches.toml"
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = root / "usr" / "lib" / f"python{minor}" / "site-packages"
    uv("pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site,
       *wheelhouse.glob("*.whl"))  # fmt: skip
    ledger.write_text(LEDGER)
    info = site / "demo-1.0.dist-info"
    assert main(["amend", "--in-place", "--apply", "--ledger", str(ledger), str(info)]) == 0
    told._capsys.readouterr()
    found = told("--root", root, "--wheelhouse", wheelhouse, "--ledger", ledger, "--deep")
    assert (found["demo"][0], found["numpy"][0]) == ("published", "published")
    assert ("changed-metadata", "info", "demo") in told.codes
    assert not any(severity == "error" for _, severity, _ in told.codes)


def test_what_is_not_published_is_unknown(tmp_path: Path, wheelhouse: Path, told: Told) -> None:
    folder = venv(tmp_path / "env")
    install(folder, make_wheel(tmp_path, "secret", "9.0"))
    assert told("--python", folder, "--wheelhouse", wheelhouse)["secret"][0] == "direct"


def test_debian_knows_what_it_brought(tmp_path: Path, wheelhouse: Path, told: Told) -> None:
    root = tmp_path / "root"
    site = root / "usr" / "lib" / "python3" / "dist-packages"
    uv("pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site,
       wheelhouse / "numpy-2.2-py3-none-any.whl")  # fmt: skip
    (site / "numpy-2.2.dist-info" / "RECORD").unlink()
    (site / "six-1.16.0.egg-info").write_text("Metadata-Version: 1.2\nName: six\nVersion: 1.16.0\n")
    dpkg = root / "var" / "lib" / "dpkg"
    (dpkg / "info").mkdir(parents=True)
    below = "/usr/lib/python3/dist-packages"
    (dpkg / "info" / "python3-numpy.list").write_text(
        f"/.\n{below}\n{below}/numpy-2.2.dist-info\n{below}/numpy-2.2.dist-info/METADATA\n"
    )
    (dpkg / "info" / "python3-six.list").write_text(
        f"{below}/six.py\n{below}/six-1.16.0.egg-info\n"
    )
    (dpkg / "status").write_text(
        "Package: python3-numpy\nVersion: 1:2.2+ds-1\n\nPackage: python3-six\nVersion: 1.16.0-4\n"
    )
    found = told("--root", root, "--wheelhouse", wheelhouse)
    assert found["numpy"][0] == "repackaged"
    assert found["numpy"][3] == "dpkg: python3-numpy 1:2.2+ds-1"
    assert found["six"][3] == "dpkg: python3-six 1.16.0-4"
    assert [code for code, *_ in told.codes if code == "record-missing"] == []


def test_conda_knows_what_it_brought(tmp_path: Path, wheelhouse: Path, told: Told) -> None:
    prefix = tmp_path / "prefix"
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = prefix / "lib" / f"python{minor}" / "site-packages"
    uv("pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site,
       wheelhouse / "numpy-2.2-py3-none-any.whl")  # fmt: skip
    meta = prefix / "conda-meta"
    meta.mkdir()
    (meta / f"python-{minor}.4-h1_0_cpython.json").write_text(
        json.dumps(
            {"name": "python", "version": f"{minor}.4", "build": "h1_0_cpython", "files": []}
        )
    )
    (meta / "numpy-2.2-py_0.json").write_text(
        json.dumps({
            "name": "numpy", "version": "2.2", "build": "py_0",
            "files": [f"lib/python{minor}/site-packages/numpy-2.2.dist-info/METADATA"],
        })
    )  # fmt: skip
    (meta / "broken.json").write_text("{")
    found = told("--python", prefix, "--wheelhouse", wheelhouse)
    assert found["numpy"][0] == "repackaged"
    assert found["numpy"][3] == "conda: numpy 2.2 py_0"


def test_an_index_that_does_not_answer_is_told(environment: Path, told: Told) -> None:
    with IndexServer() as server:
        address = server.url
    found = told("--python", environment, "--published", "--index", address, "--no-cache", code=2)
    assert found["demo"][0] == "not asked"


def test_a_story(environment: Path, wheelhouse: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--python", str(environment), "--wheelhouse", str(wheelhouse)]
    assert main(["env", *arguments, "--explain", "NumPy"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("numpy 2.2 found in: ")
    assert " why: it was asked for origin: published `numpy" in text
    assert "published `numpy-2.2-py3-none-any.whl`, known by RECORD" in text
    assert main(["env", *arguments, "--explain", "nothing"]) == 1
