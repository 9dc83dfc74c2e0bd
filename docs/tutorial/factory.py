"""Stands in for three build machines: writes the sdist and the wheels of a small project.

python factory.py                       each machine decides for itself what to require
python factory.py REQUIREMENT…          every file gets this one list
python factory.py --simple              puts all of it, and what it needs, into a small index
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

STEM = "lattice-1.0"
PLATFORMS = {
    "linux": "manylinux_2_28_x86_64",
    "darwin": "macosx_14_0_arm64",
    "win32": "win_amd64",
}


def requirements(platform: str) -> list[str]:
    """What the project's `setup.py` does: it looks at the machine on which it runs."""
    found = ["numpy>=2"]
    if platform == "linux":
        found.append("uvloop>=0.20")
    if platform == "win32":
        found.append("colorama")
    return found


def metadata(required: list[str]) -> str:
    lines = ["Metadata-Version: 2.2", "Name: lattice", "Version: 1.0", "Requires-Python: >=3.12"]
    return "".join(f"{line}\n" for line in [*lines, *(f"Requires-Dist: {r}" for r in required)])


def digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def write_wheel(folder: Path, platform: str, required: list[str]) -> None:
    tag = f"cp312-cp312-{PLATFORMS[platform]}"
    files = {
        "lattice/__init__.py": "",
        f"{STEM}.dist-info/METADATA": metadata(required),
        f"{STEM}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n",
    }
    record = "".join(f"{name},{digest(text)},{len(text)}\n" for name, text in files.items())
    files[f"{STEM}.dist-info/RECORD"] = f"{record}{STEM}.dist-info/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{STEM}-{tag}.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def write_sdist(folder: Path, text: str) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(f"{STEM}/PKG-INFO")
    entry.size = len(data)
    with tarfile.open(folder / f"{STEM}.tar.gz", "w:gz") as sdist:
        sdist.addfile(entry, io.BytesIO(data))


def write_index() -> None:
    """A folder per project, as an index has: the files of the project, and a page of links."""
    for name, version in (("numpy", "2.4.0"), ("uvloop", "0.22.1"), ("colorama", "0.4.6")):
        folder = Path("simple", name)
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{name}-{version}"
        about = f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{stem}.dist-info/METADATA", about)
            wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    shutil.copytree("dist", "simple/lattice", dirs_exist_ok=True)
    for folder in Path("simple").iterdir():
        links = [f'<a href="{file.name}">{file.name}</a>' for file in sorted(folder.iterdir())]
        (folder / "index.html").write_text("\n".join(links))


def main(listed: list[str]) -> None:
    simple = listed == ["--simple"]
    listed = [] if simple else listed
    folder = Path("dist")
    folder.mkdir(exist_ok=True)
    for platform in PLATFORMS:
        write_wheel(folder, platform, listed or requirements(platform))
    if listed:
        write_sdist(folder, metadata(listed))
    else:
        head, _, fields = metadata(["numpy>=2"]).partition("Name:")
        write_sdist(folder, f"{head}Dynamic: Requires-Dist\nName:{fields}")
    if simple:
        write_index()


if __name__ == "__main__":
    main(sys.argv[1:])
