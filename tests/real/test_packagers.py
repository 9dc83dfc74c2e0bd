"""The how-tos for packagers do what they say: with rpmbuild, with debhelper, in a conda script.

What the pages show is what runs here. Where rpmbuild or debhelper is absent, the same shell
sections run against a root that `pip install --root` staged.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.build import make_wheel
from tests.test_docs import DOCS, Block, blocks, environment, run_session

HOW_TO = DOCS / "how-to"
TRUEUP = Path(sys.executable).with_name("trueup")
REQUIRES = ["numpy>=1.22.4,<2.3", 'importlib-resources; python_version < "3.9"', "six"]
PATCHED = ["numpy>=1.22.4", "six"]
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"usr/lib/{PYTHON}/site-packages"
BACKEND = """\
import pathlib, shutil

def build_wheel(folder, config_settings=None, metadata_directory=None):
    (wheel,) = pathlib.Path(__file__).parent.glob("built/*.whl")
    return pathlib.Path(shutil.copy(wheel, folder)).name
"""
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "demo"
version = "1.5"
"""


def only(page: str, kind: str) -> str:
    """The one block of a kind on a how-to page."""
    (block,) = blocks(HOW_TO / page, kind)
    return block.text + "\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Upstream's source: a project with a build backend of its own, which needs nothing."""
    tree = tmp_path / "demo-1.5"
    (tree / "built").mkdir(parents=True)
    (tree / "pyproject.toml").write_text(PYPROJECT)
    (tree / "backend.py").write_text(BACKEND)
    make_wheel(tree / "built", "demo", "1.5", requires=REQUIRES)
    return tree


def run(
    command: list[str | Path], *, cwd: Path, environ: Mapping[str, str], fails: bool = False
) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout
    return done.stdout


def shell(script: str, *, cwd: Path, environ: Mapping[str, str], fails: bool = False) -> str:
    return run(["bash", "-euo", "pipefail", "-c", script], cwd=cwd, environ=environ, fails=fails)


def offline(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "session") | {
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "SOURCE_DATE_EPOCH": "1795219200",
    }


def staged(source: Path, root: Path, environ: Mapping[str, str]) -> None:
    """Install as `%install` and `dh_auto_install` do: below a root, under `/usr`."""
    options = ["--no-deps", "--no-build-isolation", "--no-warn-script-location"]
    command: list[str | Path] = [sys.executable, "-m", "pip", "install", *options]
    run([*command, "--prefix", "/usr", "--root", root, "."], cwd=source, environ=environ)


def requirements(text: str) -> list[str]:
    return re.findall(r"^Requires-Dist: (.*)$", text, re.MULTILINE)


def check_installed(info: Path) -> None:
    """The requirements are the redistributor's, RECORD is right, and the rest is pip's."""
    assert requirements((info / "METADATA").read_text()) == PATCHED
    assert (info / "INSTALLER").read_text() == "pip\n"
    with (info / "RECORD").open(newline="") as file:
        rows = {path: (digest, size) for path, digest, size in csv.reader(file)}
    assert f"{info.name}/METADATA" in rows
    for path, (digest, size) in rows.items():
        data = (info.parent / path).read_bytes()
        wanted = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert not digest or (digest, size) == (f"sha256={wanted}", str(len(data)))


# --- the general page -----------------------------------------------------------------------------


def test_the_general_page_is_a_real_session(tmp_path: Path) -> None:
    page = HOW_TO / "ledger.md"
    folder = tmp_path / "session"
    folder.mkdir()
    (folder / "patches.toml").write_text(blocks(page, "toml")[0].text)
    sessions = blocks(page, "console")
    assert len(sessions) == 3

    def released(*requires: str) -> None:
        run(
            [sys.executable, DOCS / "tutorial/factory.py", *requires],
            cwd=folder,
            environ=environment(folder),
        )
        wheel = "lattice-1.0-cp312-cp312-win_amd64.whl"
        shutil.move(folder / "dist" / wheel, folder / wheel)

    real: list[tuple[Block, str]] = []
    released("numpy>=2,<2.4", 'importlib-resources; python_version < "3.13"')
    real += [(block, run_session(block.text, folder)) for block in sessions[:2]]
    released("numpy>=2,<2.5")
    real += [(block, run_session(block.text, folder)) for block in sessions[2:]]
    if os.environ.get("UPDATE_DOCS"):
        text = page.read_text("utf-8")
        for block, output in reversed(real):
            text = text[: block.start] + output + text[block.end :]
        page.write_text(text, "utf-8")
    else:
        assert [output for _, output in real] == [block.text for block in sessions]


# --- RPM ------------------------------------------------------------------------------------------


def install_section() -> str:
    (section,) = re.findall(r"^%install\n(.*?)^%files", only("rpm.md", "spec"), re.M | re.S)
    assert isinstance(section, str)
    return section


def test_the_rpm_section_on_a_staged_root(source: Path, tmp_path: Path) -> None:
    root, ledger, environ = tmp_path / "root", tmp_path / "patches.toml", offline(tmp_path)
    ledger.write_text(only("rpm.md", "toml"))
    staged(source, root, environ)
    script = install_section()
    for macro, text in {
        "%pyproject_install": ":",
        "%{SOURCE1}": str(ledger),
        "%{buildroot}": str(root),
        "%{python3_sitelib}": f"/{SITE}",
        "%{version}": "1.5",
    }.items():
        assert macro in script
        script = script.replace(macro, text)
    shell(script, cwd=source, environ=environ)
    check_installed(root / SITE / "demo-1.5.dist-info")
    # Run a second time, nothing is left to do, which is drift and not silence.
    assert "drift[not-needed]" in shell(script, cwd=source, environ=environ, fails=True)


def rpmbuild(source: Path, tmp_path: Path, *, fails: bool = False) -> tuple[str, list[Path]]:
    top = tmp_path / "rpmbuild"
    (top / "SOURCES").mkdir(parents=True)
    with tarfile.open(top / "SOURCES/demo-1.5.tar.gz", "w:gz") as archive:
        archive.add(source, source.name)
    (top / "SOURCES/python-demo.patches.toml").write_text(only("rpm.md", "toml"))
    spec = top / "python-demo.spec"
    spec.write_text(only("rpm.md", "spec"))
    pip = f"{sys.executable} -m pip"
    macros = {
        "_topdir": str(top),
        "_dbpath": str(top / "db"),
        "python3_sitelib": f"/{SITE}",
        # What Fedora's macros of these names do, as far as it matters here.
        "pyproject_wheel": f"{pip} wheel -q --no-deps --no-build-isolation -w pyproject-wheeldir .",
        "pyproject_install": f"{pip} install -q --no-deps --prefix /usr --root %{{buildroot}} "
        "--no-warn-script-location --no-compile pyproject-wheeldir/*.whl; "
        "rm %{buildroot}%{python3_sitelib}/*.dist-info/RECORD",
    }
    defines = [part for name, value in macros.items() for part in ("--define", f"{name} {value}")]
    environ = offline(tmp_path)
    said = run(
        ["rpmbuild", "-bb", "--nodeps", *defines, spec], cwd=top, environ=environ, fails=fails
    )
    return said, sorted(top.glob("RPMS/*/*.rpm"))


needs_rpm = pytest.mark.skipif(shutil.which("rpmbuild") is None, reason="needs `rpmbuild`")


@needs_rpm
def test_the_spec_builds_a_patched_rpm(source: Path, tmp_path: Path) -> None:
    said, (package,) = rpmbuild(source, tmp_path)
    assert "has no RECORD, so none was updated" in said
    run(["rpm2archive", package], cwd=tmp_path, environ=offline(tmp_path))
    with tarfile.open(f"{package}.tgz") as files:
        member = files.extractfile(f"./{SITE}/demo-1.5.dist-info/METADATA")
        assert member is not None
        assert requirements(member.read().decode()) == PATCHED


@needs_rpm
def test_an_rpm_build_stops_when_upstream_moved(source: Path, tmp_path: Path) -> None:
    make_wheel(source / "built", "demo", "1.5", requires=["numpy>=2", "six"])
    said, packages = rpmbuild(source, tmp_path, fails=True)
    assert "drift[not-needed]: demo 1.5: patch 1: `drop-upper numpy`" in said
    assert packages == []


# --- Debian ---------------------------------------------------------------------------------------

CONTROL = """\
Source: python-demo
Section: python
Priority: optional
Maintainer: A Packager <packager@index.test>
Build-Depends: debhelper-compat (= 13), dh-sequence-python3, pybuild-plugin-pyproject, python3
Standards-Version: 4.6.2
Rules-Requires-Root: no

Package: python3-demo
Architecture: all
Depends: ${python3:Depends}, ${misc:Depends}
Description: demo
 A demo.
"""
CHANGES = """\
python-demo (1.5-1) unstable; urgency=medium

  * Demo.

 -- A Packager <packager@index.test>  Sat, 21 Nov 2026 00:00:00 +0000
"""


def debianised(source: Path) -> Path:
    debian = source / "debian"
    debian.mkdir()
    (debian / "control").write_text(CONTROL)
    (debian / "changelog").write_text(CHANGES)
    (debian / "patches.toml").write_text(only("debian.md", "toml"))
    rules = debian / "rules"
    rules.write_text(only("debian.md", "make"))
    rules.chmod(0o755)
    return debian


def test_the_debian_target_on_a_staged_root(source: Path, tmp_path: Path) -> None:
    debian, environ = debianised(source), offline(tmp_path)
    root = debian / "python3-demo"
    staged(source, root, environ)
    shutil.move(root / SITE, root / SITE.replace("site-packages", "dist-packages"))
    rules = (debian / "rules").read_text()
    (recipe,) = re.findall(r"^execute_after_dh_auto_install:\n((?:\t.*\n)+)", rules, re.M)
    shell(recipe.replace("\t", ""), cwd=source, environ=environ)
    (info,) = root.glob("usr/lib/python3*/dist-packages/demo-*.dist-info")
    check_installed(info)


def can_debuild() -> bool:
    """Whether the system's own Python can build packages as pybuild wants it."""
    if None in map(shutil.which, ("dh", "dh_python3", "pybuild", "dpkg-deb")):
        return False
    done = subprocess.run(
        ["/usr/bin/python3", "-c", "import build, installer"], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.skipif(
    not can_debuild(), reason="needs `debhelper`, `dh-python` and `pybuild-plugin-pyproject`"
)
def test_the_rules_build_a_patched_deb(source: Path, tmp_path: Path) -> None:
    debianised(source)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "trueup").symlink_to(TRUEUP)
    # The system's Python builds; trueup lives elsewhere.
    environ = offline(tmp_path) | {"PATH": f"{tools}:/usr/bin:/bin"}
    run(["debian/rules", "binary"], cwd=source, environ=environ)
    package = tmp_path / "python3-demo_1.5-1_all.deb"
    depends = run(["dpkg-deb", "-f", package, "Depends"], cwd=tmp_path, environ=environ)
    assert "python3-numpy" in depends
    assert "<<" not in depends
    assert "importlib" not in depends
    root = tmp_path / "root"
    run(["dpkg-deb", "-x", package, root], cwd=tmp_path, environ=environ)
    (metadata,) = root.glob("usr/lib/python3/dist-packages/demo-*.dist-info/METADATA")
    assert requirements(metadata.read_text()) == PATCHED


# --- conda ----------------------------------------------------------------------------------------


def test_the_conda_script_in_a_prefix(source: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "patches.toml").write_text(only("conda.md", "toml"))
    document = yaml.safe_load(only("conda.md", "yaml"))
    prefix, environ = tmp_path / "prefix", offline(tmp_path)
    run([sys.executable, "-m", "venv", prefix], cwd=tmp_path, environ=environ)
    environ |= {
        "PREFIX": str(prefix),
        "PYTHON": str(prefix / "bin/python"),
        "SP_DIR": str(prefix / "lib" / PYTHON / "site-packages"),
        "RECIPE_DIR": str(recipe),
        "PATH": f"{prefix / 'bin'}:{environ['PATH']}",
    }
    (tmp_path / "channel").mkdir()
    for name, version in (("numpy", "2.5"), ("six", "1.17")):
        wheel = make_wheel(tmp_path / "channel", name, version)
        run([environ["PYTHON"], "-m", "pip", "install", wheel], cwd=tmp_path, environ=environ)
    install, amend = document["build"]["script"]
    (check,) = document["test"]["commands"]
    shell(install, cwd=source, environ=environ)
    said = shell(check, cwd=source, environ=environ, fails=True)
    assert "demo 1.5 has requirement numpy<2.3,>=1.22.4, but you have numpy 2.5" in said
    shell(amend, cwd=source, environ=environ)
    check_installed(Path(environ["SP_DIR"]) / "demo-1.5.dist-info")
    assert "No broken requirements found" in shell(check, cwd=source, environ=environ)
