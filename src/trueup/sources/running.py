"""The environment that runs this program, as a target that a lock can be made for."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence

from packaging.markers import default_environment
from packaging.tags import Tag, sys_tags

from trueup.model.errors import UsageError
from trueup.model.platform import Level
from trueup.model.target import Target, parse_targets

__all__ = ["active_python", "running_target", "this_target"]

_SHORT = {"cpython": "cp", "pypy": "pp", "graalpy": "graalpy"}
_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_LEVELS = {
    "glibc": re.compile(r"manylinux_(\d+)_(\d+)_(\w+)"),
    "musl": re.compile(r"musllinux_(\d+)_(\d+)_(\w+)"),
    "macos": re.compile(r"macosx_(\d+)_(\d+)_(arm64|x86_64)"),
}
_PLAIN = re.compile(r"(?:linux_|win_|macosx_\d+_\d+_)(\w+)|(win32)")
_HINT = (
    "name the environments that the lock is for: `--for cp312-linux-x86_64`, or `targets` in "
    "`[tool.trueup.lock]`"
)


def active_python(environ: Mapping[str, str]) -> str:
    """The active virtual environment or conda prefix; else the Python that runs this."""
    return environ.get("VIRTUAL_ENV") or environ.get("CONDA_PREFIX") or sys.executable


def this_target() -> Target:
    """The target of this interpreter on this machine; raises UsageError if there is no word for it."""
    environment = {key: str(value) for key, value in default_environment().items()}
    return running_target(environment, tuple(sys_tags()))


def running_target(environment: Mapping[str, str], tags: Sequence[Tag]) -> Target:
    """The target that an environment belongs to.

    ``environment`` holds the marker variables, ``tags`` what its interpreter accepts, best first.
    The floor is the highest level of libc or macOS that the tags name: what is locked for it need
    not work on anything older. Raises UsageError for an environment that targets cannot express.
    """
    implementation = environment["implementation_name"]
    platform = environment["sys_platform"]
    if implementation not in _SHORT or platform not in _SYSTEMS:
        raise UsageError(
            "the running environment cannot be written as a target",
            found=f"`{implementation}` on `{platform}`",
            expected="CPython, PyPy or GraalPy on Linux, macOS or Windows",
            hint=_HINT,
        )
    system = _SYSTEMS[platform]
    machine = _machine(environment, tags)
    python = environment["python_version"].replace(".", "")
    free = "t" if implementation == "cpython" and _free_threaded(tags) else ""
    text = f"{_SHORT[implementation]}{python}{free}-{system}-{machine}{_floor(system, tags)}"
    try:
        (target,) = parse_targets(text)
    except UsageError as error:
        raise UsageError(
            "the running environment cannot be written as a target", found=f"`{text}`", hint=_HINT
        ) from error
    return target


def _machine(environment: Mapping[str, str], tags: Sequence[Tag]) -> str:
    """The machine; what markers say and what the interpreter is built for must be the same."""
    named = environment["platform_machine"].lower()
    for tag in tags:
        match = _PLAIN.fullmatch(tag.platform)
        if match is None:
            continue
        built_for = (match[1] or "x86").lower()
        if built_for != named and not (environment["sys_platform"] == "darwin" and match[1]):
            raise UsageError(
                "the running environment cannot be written as a target",
                found=f"an interpreter for `{built_for}` on a machine that is `{named}`",
                expected="an interpreter that was built for its machine",
                hint=_HINT,
            )
        return named
    return named


def _free_threaded(tags: Sequence[Tag]) -> bool:
    """Whether the first ABI is one without the global lock, with or without debugging (PEP 703)."""
    first = next((tag.abi for tag in tags if tag.abi.startswith("cp")), "")
    return re.fullmatch(r"cp\d+td?", first) is not None


def _floor(system: str, tags: Sequence[Tag]) -> str:
    for kind, pattern in _LEVELS.items():
        levels: list[Level] = [
            (int(match[1]), int(match[2]))
            for tag in tags
            if (match := pattern.fullmatch(tag.platform))
        ]
        if levels and (kind == "macos") is (system == "macos"):
            major, minor = max(levels)
            return f"-{'' if kind == 'macos' else kind}{major}.{minor}"
    if system == "windows":
        return ""
    raise UsageError(
        "the running environment cannot be written as a target",
        found="no tag that names a version of glibc, musl or macOS",
        hint=_HINT,
    )
