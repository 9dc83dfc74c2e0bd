"""What speaks against a plan to share libraries, each thing with its reason.

All that is measured here outweighs what was declared: a plan that a binary contradicts is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from trueup.judge.abi import Level, unmet
from trueup.judge.companion import bundle_folder
from trueup.judge.exporters import Lookup
from trueup.judge.floors import glibc_floor, is_above, macos_floor, number_of, offered
from trueup.judge.native import Placement
from trueup.judge.relink import asked_for
from trueup.judge.sharefit import other_platforms, tag_floors
from trueup.judge.sharetables import GLOBAL_STATE, PATH_STATE, co_released
from trueup.model.abi import AbiFile
from trueup.model.library import BinaryFormat, Distribution, Image, NativeFile
from trueup.model.libraryname import parse_library_name
from trueup.model.loading import Layout
from trueup.model.split import Refusal, Relink, SharedConsumer, SharedLibrary, SharedPlan

__all__ = ["refusals_of"]

_SHOWN = 5
_PATHS = ("installation path", "modules path")
_OLD_CRT, _NEW_CRT = ("msvcrt.dll",), ("ucrtbase.dll", "api-ms-win-crt-")


def refusals_of(
    plan: SharedPlan, wheels: Sequence[Distribution], abi: AbiFile | None
) -> Iterator[Refusal]:
    """Everything that speaks against the plan."""
    yield from other_platforms(plan)
    yield from tag_floors(plan)
    yield from _half_shared(plan)
    yield from _torn_apart(plan)
    yield from _symbols(plan)
    yield from _floors(plan)
    yield from _paths(plan)
    yield from _state(plan, abi)
    yield from _run_times(plan)
    yield from _releases(plan, wheels)
    yield from _twice(plan)


def _half_shared(plan: SharedPlan) -> Iterator[Refusal]:
    """A shared library may need only what is shared too: else it takes whoever's copy came first."""
    for one in plan.libraries:
        if one.existing:
            continue
        dropped = {path for path, _ in _drops(plan, one.owner)}
        asked = asked_for(one.owner).get(one.kept.path, {})
        private = sorted(name for name, path in asked.items() if path not in dropped)
        if private:
            yield Refusal(
                reason=f"`{one.library}` needs libraries that would stay with {one.owner.label}: "
                "half of what belongs together would be shared",
                files=tuple(private),
                hint="share them as well: "
                + " ".join(f"--shared {parse_library_name(name).stem}" for name in private),
            )


def _drops(plan: SharedPlan, wheel: Distribution) -> list[tuple[str, SharedLibrary]]:
    return [
        item
        for consumer in plan.consumers
        if consumer.distribution is wheel
        for item in consumer.dropped.items()
    ]


def _images(wheel: Distribution, path: str) -> tuple[Image, ...]:
    return next(file.readable for file in wheel.files if file.path == path)


def _torn_apart(plan: SharedPlan) -> Iterator[Refusal]:
    """Libraries that are released together and know each other's insides."""
    shared = {one.library: one for one in plan.libraries}
    for consumer in plan.consumers:
        asked = asked_for(consumer.distribution)
        mine = {one.library for one in consumer.dropped.values()}
        for file in consumer.distribution.files:
            stem = parse_library_name(file.filename).stem
            if file.path in consumer.dropped or bundle_folder(file.path) is None:
                continue
            partners = sorted(
                one.library
                for path, one in consumer.dropped.items()
                if one.library != stem
                and co_released(stem, parse_library_name(path).stem)
                and (
                    path in asked.get(file.path, {}).values()
                    or file.path in asked.get(path, {}).values()
                )
            )
            if partners:
                yield Refusal(
                    reason=f"`{stem}` of {consumer.distribution.label} is released together with "
                    f"`{partners[0]}`, and would be torn from it",
                    files=(file.path,),
                    hint=f"share it as well: --shared {stem}",
                )
        for one in sorted(mine):
            for other in sorted(mine):
                if (
                    one < other
                    and co_released(one, other)
                    and shared[one].owner is not shared[other].owner
                ):
                    yield Refusal(
                        reason=f"`{one}` and `{other}` are released together, and would come from "
                        f"{shared[one].owner.label} and {shared[other].owner.label}",
                        hint=f"take both from one: --from {one}={shared[one].owner.project} "
                        f"--from {other}={shared[one].owner.project}",
                    )


def _symbols(plan: SharedPlan) -> Iterator[Refusal]:
    """Every symbol that a wheel takes from its own copy must be in the kept one, as it was."""
    for consumer in plan.consumers:
        asked = asked_for(consumer.distribution)
        for path, one in consumer.dropped.items():
            files = {file.path: file for file in consumer.distribution.files}
            users = [files[user] for user, wanted in asked.items() if path in wanted.values()]
            missing = sorted(_missing(users, files[path], one))
            if missing:
                more = [f"and {len(missing) - _SHOWN} more"] if len(missing) > _SHOWN else []
                yield Refusal(
                    reason=f"`{one.library}` of {one.owner.label} does not have what "
                    f"{consumer.distribution.label} takes from its own",
                    files=(*missing[:_SHOWN], *more),
                    hint="take the copy of another wheel with `--from`, or leave this one as it is",
                )


def _missing(users: Sequence[NativeFile], own: NativeFile, one: SharedLibrary) -> set[str]:
    found: set[str] = set()
    for mine in own.readable:
        kept = next((image for image in one.kept.readable if image.machine == mine.machine), None)
        if kept is None:
            found.add(f"an image for {mine.machine} is missing")
            continue
        for file in users:
            for image in file.readable:
                if image.machine == mine.machine:
                    wanted = [symbol for symbol in image.imports if symbol.name in mine.exported]
                    found.update(unmet(kept, wanted))
    return found


def _floors(plan: SharedPlan) -> Iterator[Refusal]:
    """The kept copy must run wherever the wheels that use it do."""
    for one in plan.libraries:
        for consumer in plan.consumers:
            if one not in consumer.dropped.values():
                continue
            for image in one.kept.readable:
                for needs, promises in _above(image, consumer.distribution):
                    yield Refusal(
                        reason=f"`{one.library}` of {one.owner.label} needs {needs}, and "
                        f"{consumer.distribution.label} promises {promises}",
                        hint="take the copy of a wheel with a lower floor: `--from`",
                    )


def _above(image: Image, wheel: Distribution) -> Iterator[tuple[str, str]]:
    """What an image needs that the oldest system of a wheel's tags lacks: (it, what there is)."""
    glibc = glibc_floor(wheel.tags, image.machine)
    if glibc is not None:
        highest: dict[str, tuple[int, ...]] = {}
        for _, node in image.needs_versions:
            found = number_of(node)
            if found is not None:
                highest[found[0]] = max(found[1], highest.get(found[0], ()))
        for series, number in sorted(highest.items()):
            there = offered(series, glibc)
            if there is not None and is_above(number, there):
                yield f"{series} {_dotted(number)}", f"{series} {_dotted(there)}"
    macos = macos_floor(wheel.tags, image.machine)
    if macos is not None and image.floor is not None and is_above(image.floor[1], macos):
        yield f"macOS {_dotted(image.floor[1])}", f"macOS {_dotted(macos)}"


def _dotted(number: tuple[int, ...]) -> str:
    return ".".join(map(str, number))


def _paths(plan: SharedPlan) -> Iterator[Refusal]:
    """A library that finds its data or modules by a path belongs to whoever set that path."""
    for one in plan.libraries:
        for consumer in plan.consumers:
            for path, mine in consumer.dropped.items():
                if mine is not one or consumer.distribution is one.owner:
                    continue
                own = next(file for file in consumer.distribution.files if file.path == path)
                told = _told(one.kept), _told(own)
                project = consumer.distribution.project
                level = one.levels.get(project, Level.L1)
                sure = level in (Level.L0, Level.L1) or project in one.asserted
                if told[0] != told[1] or (one.library in PATH_STATE and not sure and not told[0]):
                    yield Refusal(
                        reason=f"`{one.library}` looks for files at a path of its own package, and "
                        f"those of {one.owner.label} and {consumer.distribution.label} are not known "
                        "to be equal",
                        files=tuple(sorted(told[0] ^ told[1])),
                        hint="leave it in the wheels",
                    )


def _told(file: NativeFile) -> set[str]:
    return {w.text for image in file.readable for w in image.witnesses if w.what in _PATHS}


def _state(plan: SharedPlan, abi: AbiFile | None) -> Iterator[Refusal]:
    """What one user sets, all users get: that is a change of behaviour, to be known and accepted."""
    for one in plan.libraries:
        users = [c.distribution.label for c in plan.consumers if one in c.dropped.values()]
        stem = one.library.rstrip("_0123456789")
        state = GLOBAL_STATE.get(one.library) or GLOBAL_STATE.get(stem)
        known = abi is not None and one.library in abi.acknowledged
        if len(users) > 1 and state is not None and not known:
            yield Refusal(
                reason=f"`{one.library}` keeps state for the whole process: {state}",
                files=tuple(users),
                hint="if its users can live with that, say so in `abi.toml`: "
                f'`[acknowledged]` with `{one.library} = "why"`',
            )


def _run_times(plan: SharedPlan) -> Iterator[Refusal]:
    """On Windows memory that one C run-time gave cannot be freed by another."""
    for one in plan.libraries:
        for consumer in plan.consumers:
            for path, mine in consumer.dropped.items():
                if mine is one:
                    times = _crt(one.kept.readable), _crt(_images(consumer.distribution, path))
                    if all(times) and times[0] != times[1]:
                        yield Refusal(
                            reason=f"`{one.library}` of {one.owner.label} uses the C run-time "
                            f"{times[0]}, that of {consumer.distribution.label} uses {times[1]}",
                            hint="leave it in the wheels",
                        )


def _crt(images: Iterable[Image]) -> str | None:
    for image in images:
        if image.format is BinaryFormat.PE:
            names = [name.lower() for name in image.needed]
            if any(name.startswith(_NEW_CRT) for name in names):
                return "ucrt"
            if any(name in _OLD_CRT for name in names):
                return "msvcrt"
    return None


def _releases(plan: SharedPlan, wheels: Sequence[Distribution]) -> Iterator[Refusal]:
    """The wheels of a release must ask for the same: uv and Poetry read one and take it for all."""
    asked: dict[tuple[str, str], dict[tuple[str, ...], str]] = {}
    dropped = {consumer.distribution.filename: consumer for consumer in plan.consumers}
    for wheel in wheels:
        consumer = dropped.get(wheel.filename)
        wants = sorted({one.requirement for one in consumer.dropped.values()} if consumer else ())
        asked.setdefault((wheel.project, str(wheel.version)), {})[tuple(wants)] = wheel.filename
    for (project, version), variants in asked.items():
        if len(variants) > 1:
            yield Refusal(
                reason=f"the wheels of {project} {version} would ask for different libraries",
                files=tuple(
                    f"{filename}: {', '.join(wants) or 'none'}"
                    for wants, filename in variants.items()
                ),
                hint="bundle the same libraries in all wheels of a release",
            )


def _twice(plan: SharedPlan) -> Iterator[Refusal]:
    """No symbol may come from two files of a closure that came from one before."""
    for consumer in plan.consumers:
        before = _ambiguous([consumer.distribution])
        after = _ambiguous(_installed(plan, consumer))
        new = sorted(after.keys() - before.keys())
        if new:
            files = sorted({file for name in new for file in after[name]})
            yield Refusal(
                reason=f"in {consumer.distribution.label} {len(new)} symbols would come from two "
                "libraries, and the order of loading would decide",
                files=(*files, f"such as `{new[0]}`"),
                hint="share all libraries that belong together, or none of them",
            )


def _ambiguous(distributions: Sequence[Distribution]) -> dict[str, tuple[str, str]]:
    """Symbols that come from one of two files, depending on which is loaded first."""
    layout = Layout(label="", distributions=tuple(distributions))
    lookup = Lookup(placement=Placement(layout=layout))
    return {
        name: pair
        for closure in lookup.placement.closures
        for pair, names in lookup.clashes(closure)
        for name in names
    }


def _installed(plan: SharedPlan, consumer: SharedConsumer) -> list[Distribution]:
    """The wheel and its libraries as they will be, side by side."""
    relinks = {relink.path: relink for relink in consumer.relinks}
    files = []
    for file in consumer.distribution.files:
        if file.path in consumer.dropped:
            continue
        relink = relinks.get(file.path)
        if relink is None:
            files.append(file)
            continue
        images = tuple(_as_relinked(image, relink) for image in file.readable)
        files.append(replace(file, images=images))
    found = [replace(consumer.distribution, files=tuple(files))]
    for one in plan.libraries:
        if one.existing:
            found.append(one.owner)
            continue
        images = tuple(
            _as_relinked(image, plan.relinked[one.kept.path]) for image in one.kept.readable
        )
        library = replace(one.kept, path=one.path, images=images)
        project = canonicalize_name(one.project)
        found.append(replace(one.owner, project=project, files=(library,)))
    return found


def _as_relinked(image: Image, relink: Relink) -> Image:
    return replace(
        image,
        name=relink.name or image.name,
        needed=tuple(relink.needed.get(name, name) for name in image.needed),
        rpath=relink.search,
        runpath=(),
    )
