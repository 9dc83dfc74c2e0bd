"""The words that all formats of `trueup libs` share."""

from __future__ import annotations

from trueup.interfaces.report.words import count, listed, tally
from trueup.judge.duplicates import version_of
from trueup.judge.gpu import needed_for
from trueup.model.gpu import Gpu
from trueup.model.library import NativeFile
from trueup.model.metadata import Unreadable
from trueup.model.nativereport import LoadedMap, NativeReport

__all__ = [
    "bytes_text",
    "device_rows",
    "gpu_rows",
    "library_label",
    "native_summary",
    "short_path",
    "used_by",
]

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_SHOWN_USERS = 3


def bytes_text(size: int) -> str:
    """A number of bytes with three digits, in powers of 1000: ``23.8 MB``."""
    value = float(size)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            digits = 0 if unit == "bytes" or value >= 99.95 else 1
            return f"{value:,.{digits}f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def short_path(path: str) -> str:
    """The last two parts of a path: the folder says whose it is."""
    return "/".join(path.split("/")[-2:])


def library_label(file: NativeFile) -> str:
    """Which library it is, as far as it says: its version, or why it cannot be read."""
    if isinstance(file.images, Unreadable):
        return f"unreadable: {file.images.reason}"
    if file.is_extension:
        return "extension module"
    version = version_of(file)
    if version is not None:
        return version
    return "library" if any(image.name for image in file.images) else "program"


def used_by(file: NativeFile, loaded: LoadedMap) -> str:
    """Who asks for a library, or nothing for what is no library."""
    if file.is_extension or not any(image.name for image in file.readable):
        return ""
    users = list(dict.fromkeys(link.user for link in loaded.users.get(file.path, ())))
    if not users:
        return "nobody asks for it"
    return f"used by {listed([_bare(user) for user in users], _SHOWN_USERS)}"


def _bare(path: str) -> str:
    """A user by its module's or library's name alone."""
    name = path.rpartition("/")[2]
    stem, _, rest = name.partition(".")
    return stem if rest.startswith(("cpython-", "abi3.", "cp3", "pypy")) else name


def gpu_rows(report: NativeReport) -> list[tuple[str, ...]]:
    """Device code per distribution and architecture: (distribution, target, kind, bytes)."""
    sums: dict[tuple[str, str, str], int] = {}
    for item in report.distributions:
        for file in item.files:
            for image in file.readable:
                for code in image.gpu:
                    key = (item.label, code.target, code.kind.value)
                    sums[key] = sums.get(key, 0) + code.size
    return [(*key, bytes_text(size)) for key, size in sorted(sums.items())]


def device_rows(report: NativeReport, gpu: Gpu) -> list[tuple[str, ...]]:
    """What one device loads of each library: (file, needed, of how much, targets)."""
    rows: list[tuple[str, ...]] = []
    for item in report.distributions:
        for file in item.files:
            for image in file.readable:
                if image.gpu:
                    needed = needed_for(image.gpu, gpu)
                    rows.append(
                        (
                            file.path,
                            bytes_text(sum(code.size for code in needed)),
                            "of",
                            bytes_text(sum(code.size for code in image.gpu)),
                            listed(sorted({code.target for code in needed}), 4) or "nothing fits",
                        )
                    )
    return rows


def native_summary(report: NativeReport) -> str:
    """One line: how many files, how large, what was found."""
    files = [file for item in report.distributions for file in item.files]
    size = sum(file.size for file in files)
    packed = sum(file.packed or 0 for file in files)
    stored = f" ({bytes_text(packed)} packed)" if packed else ""
    parts = [
        count(len(report.distributions), "distribution"),
        f"{count(len(files), 'native file')}, {bytes_text(size)}{stored}",
        tally(report.findings),
    ]
    if report.failures:
        parts.append(f"{count(len(report.failures), 'target')} could not be read")
    return "; ".join(parts)
