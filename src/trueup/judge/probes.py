"""What to import so that every library with threads of its own is loaded, by the map of the files."""

from __future__ import annotations

from collections.abc import Iterator

from trueup.model.liverun import Probe
from trueup.model.nativereport import LoadedMap

__all__ = ["probes_of"]

_THREADED = (
    "libopenblas", "libscipy_openblas", "openblas", "libblas", "libblis", "libflexiblas",
    "libmkl_rt", "mkl_rt", "libgomp", "libomp", "libiomp", "vcomp",
)  # fmt: skip
"""How the files begin that `threadpoolctl` looks into: BLAS libraries and OpenMP runtimes."""


def probes_of(loaded: LoadedMap) -> Iterator[Probe]:
    """The extension modules that load a BLAS or an OpenMP runtime of the environment, by name."""
    for closure in sorted(loaded.closures, key=lambda one: one.entry):
        libraries = tuple(path for path in closure.order if _is_threaded(path))
        _, file = loaded.files[closure.entry]
        if libraries and any(image.modules for image in file.readable):
            yield Probe(module=_module(closure.entry), entry=closure.entry, libraries=libraries)


def _is_threaded(path: str) -> bool:
    return path.rpartition("/")[2].lower().startswith(_THREADED)


def _module(path: str) -> str:
    """``scipy/linalg/_fblas.cpython-311-x86_64-linux-gnu.so`` → ``scipy.linalg._fblas``."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}".strip("/").replace("/", ".")
