"""What is known of libraries beyond their files: what belongs together, and what they keep."""

from __future__ import annotations

import re

__all__ = ["CO_RELEASED", "GLOBAL_STATE", "PATH_STATE", "co_released"]

CO_RELEASED = (
    re.compile(r"lib(?:crypto|ssl)(?:-.*)?"),
    re.compile(r"libhdf5(?:_.*)?"),
    re.compile(r"lib(?:av(?:codec|device|filter|format|util)|sw(?:scale|resample)|postproc)"),
    re.compile(r"libgeos(?:_c)?"),
    re.compile(r"libicu(?:data|uc|i18n|io|tu)"),
    re.compile(r"lib(?:gfortran|quadmath)(?:-.*)?"),
    re.compile(r"lib(?:krb5|k5crypto|krb5support|com_err|gssapi_krb5|keyutils)"),
)
"""Sets that are released together and use each other's private symbols."""

GLOBAL_STATE = {
    "libgmp": "its memory functions (`mp_set_memory_functions`)",
    "libmpfr": "its default precision, rounding mode and exception flags",
    "libhdf5": "its open files, identifiers and error handlers",
    "libopenblas": "its number of threads",
    "libscipy_openblas": "its number of threads",
    "libgomp": "its pool of threads",
    "libomp": "its pool of threads",
    "libiomp5": "its pool of threads",
    "libproj": "its default context",
    "libgdal": "its drivers, options and caches",
    "libcrypto": "its providers, engines and random state",
    "libsqlite3": "its configuration and its temporary folder",
    "libcurl": "its global initialisation",
    "libxml2": "its error handlers and parser defaults",
    "libflint": "its caches and the number of threads",
    "libfftw3": "its plans (wisdom)",
}
"""What one user of a shared copy changes for all others, by the library's stem."""

PATH_STATE = ("libproj", "libgdal", "libcurl", "libcrypto", "libssl", "libgeotiff", "libfontconfig")
"""Libraries that look for data at a path compiled into them or set by the package around them."""


def co_released(stem: str, other: str) -> bool:
    """Whether two libraries belong to one set."""
    return any(one.fullmatch(stem) and one.fullmatch(other) for one in CO_RELEASED)
