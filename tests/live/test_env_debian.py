"""A staged root of three real Debian packages, which `apt-get` fetches."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from trueup.features.env import env
from trueup.model.finding import Severity
from trueup.sources.installed import read_environment
from trueup.sources.owners import with_owners
from trueup.sources.place import place_of_root

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="this is no Debian"),
]
PACKAGES = ("python3-six", "python3-yaml", "python3-attr")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `dpkg -x` makes of them, with the lists that dpkg would keep."""
    folder, found = tmp_path_factory.mktemp("debs"), tmp_path_factory.mktemp("root")
    folder.chmod(0o777)
    subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, check=True, capture_output=True)
    database = found / "var" / "lib" / "dpkg"
    (database / "info").mkdir(parents=True)
    status = []
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, found], check=True)
        name, version, _ = package.name.split("_")
        listed = subprocess.run(
            ["dpkg", "-c", package], check=True, capture_output=True, text=True
        ).stdout
        paths = [line.split()[5].removeprefix(".") for line in listed.splitlines()]
        (database / "info" / f"{name}.list").write_text("\n".join(paths) + "\n")
        status.append(f"Package: {name}\nVersion: {version}\n")
    (database / "status").write_text("\n".join(status))
    return found


def test_every_distribution_is_read_and_has_its_package(root: Path) -> None:
    place = place_of_root(root)
    environment = with_owners(
        read_environment(place.where, place.sites, place.runtime, prefix=root), root=root
    )
    owners = {one.project: one.owner for one in environment.distributions}
    assert set(owners) == {"six", "pyyaml", "attrs"}
    assert all(owner and owner.startswith("dpkg: python3-") for owner in owners.values())
    report = env(environment)
    broken = [one for one in report.findings if one.severity is Severity.ERROR]
    # Debian strips shared objects after RECORD was written; nothing else may be wrong.
    assert {one.code for one in broken} <= {"file-not-as-recorded"}
