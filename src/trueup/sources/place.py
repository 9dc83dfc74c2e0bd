"""From what a user names to the folders of an environment and its interpreter, running nothing.

An interpreter finds its packages by rules (`site`, PEP 405, `sysconfig`'s schemes); they are followed
here from the files that they read: `pyvenv.cfg`, the folders of the prefix, `conda-meta`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.markers import default_environment
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, platform_tags

from trueup.model.errors import NotFoundError
from trueup.model.installed import Runtime

__all__ = ["Place", "place_of_python", "place_of_root", "place_of_sites"]

_FOLDER = re.compile(r"(python|pypy)(\d+)\.(\d+)(t?)")
_PATCH_LEVEL = re.compile(r'#define\s+PY_VERSION\s+"(\d+\.\d+\.\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An environment: how it is called, where its packages are, first come first served, and its
    interpreter. ``prefix`` is the folder that its files lie in (None: several).
    """

    where: str
    sites: tuple[Path, ...]
    runtime: Runtime
    prefix: Path | None = None


def place_of_python(path: Path, environ: Mapping[str, str]) -> Place:
    """The environment of an interpreter, or of the folder that it lies in.

    ``environ`` names the home folder, for the user's own packages. Raises NotFoundError for what
    has no packages of a Python.
    """
    prefix = _prefix(path)
    config = _config(prefix / "pyvenv.cfg")
    own = list(_own_sites(prefix))
    if not own:
        raise NotFoundError(
            "has no site-packages",
            expected="an interpreter, a virtual environment, or a prefix such as conda's",
            hint="`--path` takes a folder of installed packages itself",
            place=(str(path),),
        )
    sites, base = list(own), prefix
    if config is not None:
        base = _base(config) or prefix
        if config.get("include-system-site-packages", "").lower() == "true":
            sites += [*_user_sites(own[0], environ), *_own_sites(base, like=own[0])]
    else:
        sites = [*_user_sites(own[0], environ), *own]
    runtime = _runtime(own[0], config, base)
    # `lib64` is mostly a link to `lib`.
    shown = tuple({site.resolve(): site for site in reversed(sites) if site.is_dir()}.values())[
        ::-1
    ]
    return Place(where=str(path), sites=shown, runtime=runtime, prefix=prefix)


def place_of_sites(sites: Sequence[Path], *, where: str) -> Place:
    """Folders of installed packages, as `sys.path` would have them; raises NotFoundError."""
    for site in sites:
        if not site.is_dir():
            raise NotFoundError("is no folder", place=(str(site),))
    runtime = _runtime(sites[0], None, None)
    return Place(where=where, sites=tuple(sites), runtime=runtime)


def place_of_root(root: Path) -> Place:
    """A system below a folder, as a package build or a container image stages it.

    Raises NotFoundError if no Python packages are in it.
    """
    sites = [
        *sorted(root.glob("usr/local/lib/python3*/*-packages")),
        *sorted(root.glob("usr/lib/python3*/*-packages")),
        *sorted(root.glob("usr/lib64/python3*/*-packages")),
        *sorted(root.glob("opt/*/lib/python3*/site-packages")),
    ]
    found = [site for site in sites if site.is_dir()]
    if not found:
        raise NotFoundError(
            "holds no Python packages",
            expected="`usr/lib/python3/dist-packages` or `usr/lib/python3.*/site-packages` in it",
            place=(str(root),),
        )
    runtime = _runtime(found[0], None, root / "usr")
    return Place(where=str(root), sites=tuple(found), runtime=runtime, prefix=root)


# --- folders --------------------------------------------------------------------------------------


def _prefix(path: Path) -> Path:
    """The prefix of an interpreter: a link in a virtual environment stays in it."""
    if not path.exists():
        raise NotFoundError("does not exist", place=(str(path),))
    if path.is_file():
        return path.absolute().parent.parent
    if path.name in ("bin", "Scripts") and any(path.glob("python*")):
        return path.absolute().parent
    return path.absolute()


def _config(path: Path) -> Mapping[str, str] | None:
    """The keys of a `pyvenv.cfg` (PEP 405), lower-cased."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return None
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _base(config: Mapping[str, str]) -> Path | None:
    home = config.get("home")
    return Path(home).parent if home else None


def _own_sites(prefix: Path, *, like: Path | None = None) -> Iterator[Path]:
    """The folders that `site` would add for a prefix, those of the Python of ``like`` only."""
    wanted = None if like is None else like.parent.name
    for lib in ("lib", "lib64", "local/lib"):
        for folder in sorted((prefix / lib).glob("py*"), reverse=True):
            if _FOLDER.fullmatch(folder.name) and wanted in (None, folder.name):
                for name in ("site-packages", "dist-packages"):
                    if (folder / name).is_dir() and not (folder / name).is_symlink():
                        yield folder / name
    # Debian's own packages serve all of its Python 3.
    if (prefix / "lib" / "python3" / "dist-packages").is_dir():
        yield prefix / "lib" / "python3" / "dist-packages"
    if (prefix / "Lib" / "site-packages").is_dir() and not (prefix / "lib" / "site").exists():
        yield prefix / "Lib" / "site-packages"


def _user_sites(like: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    base = environ.get("PYTHONUSERBASE") or (
        str(Path(environ["HOME"], ".local")) if environ.get("HOME") else None
    )
    name = like.parent.name
    if base is not None and _FOLDER.fullmatch(name) and not environ.get("PYTHONNOUSERSITE"):
        yield Path(base, "lib", name, "site-packages")


# --- the interpreter ------------------------------------------------------------------------------


def _runtime(site: Path, config: Mapping[str, str] | None, base: Path | None) -> Runtime:
    """The interpreter, worked out; what no file tells is taken from the running one."""
    running = cast("dict[str, str]", default_environment())
    version, known_by = _python(site, config, base, running)
    free = _is_free_threaded(site)
    name = "pypy" if "pypy" in site.parent.name else "cpython"
    if config is not None and "implementation" in config:
        name = config["implementation"].lower()
    minor = (int(version.split(".")[0]), int(version.split(".")[1]))
    environment = {
        **running,
        "python_version": f"{minor[0]}.{minor[1]}",
        "python_full_version": version,
        "implementation_name": name,
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(name, name),
    }
    if name == "cpython":
        environment["implementation_version"] = version
    return Runtime(
        environment=environment, tags=frozenset(_tags(name, minor, free)), known_by=known_by
    )


def _python(
    site: Path,
    config: Mapping[str, str] | None,
    base: Path | None,
    running: Mapping[str, str],
) -> tuple[str, str]:
    """The full version, and what says so."""
    if config is not None:
        for key in ("version_info", "version"):
            match = re.match(r"\d+\.\d+\.\d+", config.get(key, ""))
            if match:
                return match[0], "`pyvenv.cfg`"
    match = _FOLDER.fullmatch(site.parent.name)
    minor = f"{match[2]}.{match[3]}" if match else None
    above = list(site.parents)[1:4]
    for folder in above if base is None else [base, *above]:
        for found in _versions_below(folder, minor):
            return found
    if minor is None or running["python_version"] == minor:
        return running["python_full_version"], "this interpreter"
    return f"{minor}.0", f"the name of `{site.parent}`; its patch release is not known"


def _versions_below(prefix: Path, minor: str | None) -> Iterator[tuple[str, str]]:
    for path in sorted((prefix / "conda-meta").glob("python-[0-9]*.json")):
        match = re.match(r"python-(\d+\.\d+\.\d+)-", path.name)
        if match:
            yield match[1], f"`{path.name}` of conda"
    wanted = f"python{minor}*" if minor else "python3.*"
    for header in sorted((prefix / "include").glob(f"{wanted}/patchlevel.h")):
        if minor and header.parent.name.rstrip("dmtu") != f"python{minor}":
            continue
        match = _PATCH_LEVEL.search(header.read_text("utf-8", "replace"))
        if match:
            yield match[1], f"`{header}`"


def _is_free_threaded(site: Path) -> bool:
    match = _FOLDER.fullmatch(site.parent.name)
    return bool(match and match[4])


def _tags(name: str, minor: tuple[int, int], free: bool) -> Iterator[Tag]:
    """What an interpreter of this version accepts on this machine."""
    short = {"cpython": "cp", "pypy": "pp"}.get(name, name)
    interpreter = f"{short}{minor[0]}{minor[1]}"
    platforms = list(platform_tags())
    if name == "cpython":
        abis = [f"{interpreter}t"] if free else None
        yield from cpython_tags(minor, abis=abis, platforms=platforms)
    elif minor == sys.version_info[:2] and sys.implementation.name == name:
        yield from generic_tags(platforms=platforms)
    else:
        yield from generic_tags(interpreter, [f"{name}{minor[0]}{minor[1]}_pp73"], platforms)
    yield from compatible_tags(minor, interpreter=interpreter, platforms=platforms)
