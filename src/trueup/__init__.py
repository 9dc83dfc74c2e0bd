"""trueup: makes every file of a Python release tell installers the same story.

Three questions, each one call:

- ``trueup.check("dist/")`` or ``trueup.check("nmslib==2.1.1")``: a full Report, with findings.
- ``trueup.advice(release)``: what a resolver may do, read one file, read per target, or unknown.
- ``trueup.classify(release)``: do the wheels agree, `identical` to `irreconcilable`.

The last two take ``NAME==VERSION`` or a Release, such as ``trueup.release_of({name: metadata})``
makes from files that the caller has read. Names are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.interfaces.library import advice, check, classify, release_of
    from trueup.judge.rule import RuleSettings
    from trueup.model.artifact import Artifact, parse_filename
    from trueup.model.errors import (
        ArchiveError,
        LimitError,
        NotFoundError,
        PageError,
        SourceError,
        TrueupError,
        UsageError,
    )
    from trueup.model.finding import (
        Advice,
        Case,
        Evidence,
        FieldReport,
        FileReport,
        FileStatus,
        Finding,
        Merged,
        ReleaseClass,
        ReleaseReport,
        Report,
        Severity,
        Variant,
        Witness,
    )
    from trueup.model.metadata import Metadata, Unreadable, parse_metadata
    from trueup.model.release import How, Reading, Release, ReleaseFile
    from trueup.model.target import Target, parse_targets
    from trueup.model.watcher import Watcher

__version__ = "0.1.0"

_HOMES = {
    "interfaces.library": ("advice", "check", "classify", "release_of"),
    "judge.rule": ("RuleSettings",),
    "model.artifact": ("Artifact", "parse_filename"),
    "model.errors": (
        "ArchiveError",
        "LimitError",
        "NotFoundError",
        "PageError",
        "SourceError",
        "TrueupError",
        "UsageError",
    ),
    "model.finding": (
        "Advice",
        "Case",
        "Evidence",
        "FieldReport",
        "FileReport",
        "FileStatus",
        "Finding",
        "Merged",
        "ReleaseClass",
        "ReleaseReport",
        "Report",
        "Severity",
        "Variant",
        "Witness",
    ),
    "model.metadata": ("Metadata", "Unreadable", "parse_metadata"),
    "model.release": ("How", "Reading", "Release", "ReleaseFile"),
    "model.target": ("Target", "parse_targets"),
    "model.watcher": ("Watcher",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Advice",
    "ArchiveError",
    "Artifact",
    "Case",
    "Evidence",
    "FieldReport",
    "FileReport",
    "FileStatus",
    "Finding",
    "How",
    "LimitError",
    "Merged",
    "Metadata",
    "NotFoundError",
    "PageError",
    "Reading",
    "Release",
    "ReleaseClass",
    "ReleaseFile",
    "ReleaseReport",
    "Report",
    "RuleSettings",
    "Severity",
    "SourceError",
    "Target",
    "TrueupError",
    "Unreadable",
    "UsageError",
    "Variant",
    "Watcher",
    "Witness",
    "__version__",
    "advice",
    "check",
    "classify",
    "parse_filename",
    "parse_metadata",
    "parse_targets",
    "release_of",
]


if not TYPE_CHECKING:  # a type checker would take every name for one that exists

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used: `import trueup` itself costs nothing (PEP 562)."""
        if name not in _HOME:
            raise AttributeError(f"module `trueup` has no attribute `{name}`")
        value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
