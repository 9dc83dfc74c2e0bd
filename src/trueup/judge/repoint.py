"""A wheel that uses a library wheel which is there already, where its own copy came from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from trueup.judge.abi import Level, compare
from trueup.judge.companion import bundle_folder
from trueup.judge.sharefit import unfit
from trueup.judge.sharerefusals import refusals_of
from trueup.judge.sharing import consumer_of
from trueup.model.library import Distribution
from trueup.model.split import Refusal, SharedLibrary, SharedPlan

__all__ = ["plan_onto"]

_PROVEN = (Level.L0, Level.L1)


def plan_onto(
    wheels: Sequence[Distribution], providers: Sequence[Distribution], *, label: str = "nl.1"
) -> SharedPlan | tuple[Refusal, ...]:
    """The plan that puts wheels onto existing library wheels, or what speaks against it.

    A copy counts only if it is proven to have come from there: the same bytes, auditwheel's digest
    of the file, or equal code, exports and needs. Nothing is declared or asserted here.
    """
    if refused := tuple(unfit(wheels)):
        return refused
    libraries = [one for provider in providers for one in _libraries(provider)]
    levels: dict[str, dict[str, str]] = {}
    dropped: list[dict[str, SharedLibrary]] = []
    for wheel in wheels:
        found: dict[str, SharedLibrary] = {}
        for file in wheel.files:
            for one in libraries if bundle_folder(file.path) is not None else ():
                level = compare(one.kept, file, None).level
                if level in _PROVEN:
                    found[file.path] = one
                    known = levels.setdefault(one.kept.sha256, {})
                    known[wheel.project] = max(known.get(wheel.project, level.value), level.value)
                    break
        if not found:
            return (_nothing(wheel, providers),)
        dropped.append(found)
    used = {
        one.kept.sha256: replace(one, levels=levels[one.kept.sha256])
        for one in libraries
        if one.kept.sha256 in levels
    }
    plan = SharedPlan(
        libraries=tuple(used.values()),
        consumers=tuple(
            consumer_of(wheel, {path: used[one.kept.sha256] for path, one in mine.items()}, label)
            for wheel, mine in zip(wheels, dropped, strict=True)
        ),
        relinked={},
    )
    return tuple(refusals_of(plan, wheels, None)) or plan


def _libraries(provider: Distribution) -> Iterator[SharedLibrary]:
    for file in provider.files:
        names = [image.name for image in file.readable if image.name]
        if names and not file.is_extension:
            yield SharedLibrary(
                library=file.filename,
                abi=file.sha256[:12],
                project=provider.project,
                version=provider.version,
                path=file.path,
                soname=names[0],
                kept=file,
                owner=provider,
                levels={},
                asserted={},
                tags=tuple(sorted({tag.platform for tag in provider.tags})),
                existing=True,
            )


def _nothing(wheel: Distribution, providers: Sequence[Distribution]) -> Refusal:
    bundled = [file for file in wheel.files if bundle_folder(file.path) is not None]
    offered = [file for provider in providers for file in provider.files]
    names = ", ".join(provider.label for provider in providers)
    return Refusal(
        reason=f"nothing that {wheel.label} bundles is proven to have come from {names}",
        files=(
            *(f"bundled: {file.path}" for file in bundled),
            *(f"there: {file.path}, sha256 {file.sha256[:8]}…" for file in offered),
        ),
        hint="auditwheel puts the first 8 digits of the sha256 of what it copied into the name; "
        "find the release of the library wheel that has such a file",
    )
