"""A build backend small enough to be quick, and the projects that it builds.

`make_backend(folder)` writes `tinybuild` 1.0 and 2.0 as wheels. A project of it is a file
`project.py` that sets `METADATA`; it sees `BACKEND`, the version that runs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.build import make_sdist, make_wheel, metadata_text

__all__ = ["make_backend", "make_project"]

_CODE = """
import os, zipfile

def _project():
    names = {"BACKEND": VERSION, "__file__": os.path.abspath("project.py")}
    with open("project.py", encoding="utf-8") as file:
        exec(file.read(), names)
    return names

def _name(text):
    values = dict(line.split(": ", 1) for line in text.splitlines()[:3])
    return values["Name"] + "-" + values["Version"]

def get_requires_for_build_wheel(config_settings=None):
    return _project().get("REQUIRES", [])

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    text = _project()["METADATA"]
    name = _name(text) + ".dist-info"
    os.mkdir(os.path.join(folder, name))
    with open(os.path.join(folder, name, "METADATA"), "w", encoding="utf-8") as file:
        file.write(text)
    return name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    text = _project()["METADATA"]
    name = _name(text)
    with zipfile.ZipFile(os.path.join(folder, name + "-py3-none-any.whl"), "w") as wheel:
        wheel.writestr(name + ".dist-info/METADATA", text)
        wheel.writestr(name + ".dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
    return name + "-py3-none-any.whl"

def build_sdist(folder, config_settings=None):
    import io, tarfile
    text = _project()["METADATA"]
    name = _name(text)
    with tarfile.open(os.path.join(folder, name + ".tar.gz"), "w:gz") as sdist:
        sdist.add("project.py", name + "/project.py")
        sdist.add("pyproject.toml", name + "/pyproject.toml")
        info = tarfile.TarInfo(name + "/PKG-INFO")
        info.size = len(text.encode())
        sdist.addfile(info, io.BytesIO(text.encode()))
    return name + ".tar.gz"
"""
PYPROJECT = '[build-system]\nrequires = ["tinybuild>=1.0"]\nbuild-backend = "tinybackend"\n'


def make_backend(folder: Path) -> None:
    """Write the backend's wheels; version 0.5 is too old for every project."""
    for version in ("0.5", "1.0", "2.0"):
        code = f"VERSION = {version!r}\n{_CODE}"
        if version == "1.0":
            # A backend that has no `prepare_metadata_for_build_wheel` is an honest one, too.
            code += "\ndel prepare_metadata_for_build_wheel\n"
        make_wheel(folder, "tinybuild", version, files={"tinybackend.py": code.encode()})


def make_project(
    folder: Path,
    code: str = "",
    *,
    requires: Iterable[str] = (),
    promised: Iterable[str] | None = None,
    dynamic: Iterable[str] = (),
    metadata_version: str = "2.4",
    pyproject: str = "",
) -> Path:
    """Write the sdist of `demo` 1.0 and return its path.

    ``code`` may change the list `requires`; ``promised`` is what PKG-INFO says instead of it.
    """
    requires = list(requires)
    head = metadata_text("demo", "1.0", metadata_version=metadata_version)
    text = (
        f"requires = {requires!r}\nextra = []\n{code}\n"
        f"METADATA = {head!r} + ''.join(f'Requires-Dist: {{one}}\\n' for one in requires)"
        " + ''.join(f'{line}\\n' for line in extra)\n"
    )
    return make_sdist(
        folder,
        "demo",
        "1.0",
        requires=requires if promised is None else promised,
        headers=[("Dynamic", field) for field in dynamic],
        metadata_version=metadata_version,
        pyproject=PYPROJECT + pyproject,
        files={"project.py": text.encode()},
    )
