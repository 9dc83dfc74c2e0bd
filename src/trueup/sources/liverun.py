"""The one part of `env` that runs code of the environment: what a process really loads.

The environment's own Python imports the modules and asks its `threadpoolctl`, in a process of its own
with a time limit. Nothing confines it: whoever says `--run` would run this code anyway.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trueup.model.errors import TrueupError, UsageError
from trueup.model.liverun import LiveRun, Pool, Probe
from trueup.sources.process import Ended, result_pipe, run_process

__all__ = ["python_of", "run_probes"]

_SECONDS = 120.0
_MAX_RESULTS = 4 << 20
_LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT")
_PROGRAM = """
import sys
sys.path[:] = [path for path in sys.path if path]
import importlib, json, os
imported, refused = [], []
for name in json.loads(sys.argv[2]):
    try:
        importlib.import_module(name)
    except BaseException as error:
        refused.append([name, f"{type(error).__name__}: {error}"])
    else:
        imported.append(name)
import threadpoolctl
keys = ("user_api", "internal_api", "version", "num_threads")
pools = [
    {"path": os.path.realpath(one["filepath"]), **{key: one.get(key) for key in keys}}
    for one in threadpoolctl.threadpool_info()
]
text = json.dumps({"imported": imported, "refused": refused, "pools": pools})
with os.fdopen(int(sys.argv[1]), "w") as results:
    results.write(text)
"""


def python_of(asked: Path) -> Path:
    """The interpreter that is meant: itself, or that of a folder.

    Raises UsageError if there is none.
    """
    names = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
    found = [asked] if asked.is_file() else [asked / name for name in names]
    for path in found:
        if path.is_file():
            return path.absolute()
    raise UsageError(
        "`--run` needs the Python of the environment",
        found=f"none in `{asked}`",
        hint="name it with `--python`",
    )


def run_probes(
    python: Path,
    probes: Sequence[Probe],
    sites: Sequence[Path],
    environ: Mapping[str, str],
    *,
    seconds: float = _SECONDS,
) -> LiveRun:
    """Import what the probes name and compare; ``sites`` are searched for their libraries.

    Raises UsageError where `threadpoolctl` is not installed, TrueupError for a run that fails or
    takes longer than ``seconds``.
    """
    if not any((site / "threadpoolctl.py").is_file() for site in sites):
        raise UsageError(
            "`--run` asks `threadpoolctl`, which is not installed in the environment",
            hint=f"`{python} -m pip install threadpoolctl`",
        )
    names = json.dumps([probe.module for probe in probes])
    kept = {name: value for name, value in environ.items() if name not in _LEFT_OUT}
    with result_pipe() as pipe:
        ended = run_process(
            [str(python), "-c", _PROGRAM, str(pipe.writer), names],
            pipe=pipe,
            inherited=(pipe.writer,),
            environment=kept,
            seconds=seconds,
            size=_MAX_RESULTS,
        )
    data = _results(python, ended, seconds)
    libraries = {_place(path, sites) for probe in probes for path in probe.libraries}
    return LiveRun(
        python=str(python),
        imported=tuple(data["imported"]),
        refused=tuple((name, reason) for name, reason in data["refused"]),
        pools=tuple(sorted(map(_pool, data["pools"]), key=lambda pool: pool.path)),
        expected=tuple(sorted(libraries)),
    )


def _results(python: Path, ended: Ended, seconds: float) -> dict[str, Any]:
    if ended.stopped == "time":
        raise TrueupError(
            f"`{python}` was stopped after {seconds:g} seconds",
            hint="without `--run` nothing is imported",
        )
    last = ended.log.strip().splitlines()[-1:]
    if ended.status != 0:
        how = f"signal {-ended.status}" if ended.status < 0 else f"status {ended.status}"
        raise TrueupError(
            f"`{python}` ended with {how} while it imported what loads libraries",
            found=f"`{last[0]}`" if last else None,
        )
    try:
        data: dict[str, Any] = json.loads(ended.results)
    except ValueError as error:
        raise TrueupError(f"`{python}` did not tell what it loaded: {error}") from error
    return data


def _pool(one: Mapping[str, Any]) -> Pool:
    threads = one["num_threads"]
    return Pool(
        path=str(one["path"]),
        user_api=str(one["user_api"]),
        internal_api=str(one["internal_api"]),
        version=None if one["version"] is None else str(one["version"]),
        threads=threads if isinstance(threads, int) else None,
    )


def _place(path: str, sites: Sequence[Path]) -> str:
    """Where a file of the map is; the first site that has it counts, as for an import."""
    for site in sites:
        if (site / path).exists():
            return os.path.realpath(site / path)
    return path
