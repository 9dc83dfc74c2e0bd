"""What `trueup split` plans, wrote, or refuses, as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from trueup.features.split import Written
from trueup.interfaces.report.columns import columns
from trueup.interfaces.report.nativewords import bytes_text
from trueup.interfaces.report.words import count, natural, printable
from trueup.judge.abi import Level
from trueup.model.split import CompanionPlan, Refusal, SharedLibrary, SharedPlan

__all__ = [
    "render_plan",
    "render_refusals",
    "render_shared",
    "render_shared_written",
    "render_written",
]

_WIDTH = 100


def render_refusals(refusals: Sequence[Refusal], *, width: int = _WIDTH) -> str:
    """Every reason in the shape of an error, one after the other, and that nothing is written."""
    blocks = [list(_refusal(refusal, width)) for refusal in refusals]
    blocks.append(["nothing is written"])
    return "\n".join("\n".join(block) + "\n" for block in blocks)


def _refusal(refusal: Refusal, width: int) -> Iterator[str]:
    yield from _wrap(f"error: not split: {refusal.reason}", width, "  ")
    yield from (f"  {printable(file)}" for file in refusal.files)
    if refusal.hint is not None:
        yield ""
        yield from _wrap(f"hint: {refusal.hint}", width, " " * len("hint: "))


def _wrap(text: str, width: int, hanging: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        width,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def render_plan(plan: CompanionPlan, *, width: int = _WIDTH) -> str:
    """What would move where."""
    return "\n".join([*_plan(plan, width), "", "nothing is written with `--plan`"]) + "\n"


def _head(plan: CompanionPlan) -> Iterator[str]:
    yield f"{plan.project} {plan.version}: every wheel asks for {plan.requirement}"
    if plan.reused:
        yield f"  its libraries did not change since {plan.companion_version}: no new companion"


def _plan(plan: CompanionPlan, width: int) -> Iterator[str]:
    yield from _head(plan)
    for platform in plan.platforms:
        if not platform.wheels:
            yield f"  other platforms: an empty companion for {count(len(plan.plain), 'wheel')}"
            continue
        yield f"  {platform.platform}: {count(len(platform.wheels), 'wheel')}"
        files = {file.path: file for file in platform.wheels[0].distribution.files}
        folders: dict[tuple[str, str], list[str]] = {}
        for old, new in platform.moves.items():
            folders.setdefault((_folder(old), _folder(new)), []).append(old)
        for (old, new), paths in sorted(folders.items()):
            into = f"→ `{new}`" if new != old else "stays at its path, in the companion"
            yield f"    `{printable(old)}` {printable(into)}"
            rows = [
                (
                    printable(path.rpartition("/")[2]),
                    bytes_text(files[path].size) if path in files else "",
                )
                for path in sorted(paths, key=natural)
            ]
            yield from columns(rows, width=width, indent="      ", right={1})


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def render_written(plan: CompanionPlan, written: Sequence[Written], *, width: int = _WIDTH) -> str:
    """The wheels with their sizes, then what it saves: stored, first install, upgrade."""
    lines = [*_head(plan), *_files(written, width), "", *_savings(plan, written, width)]
    return "\n".join(lines) + "\n"


def render_shared(plan: SharedPlan, *, width: int = _WIDTH) -> str:
    """The libraries with the evidence on which they are shared, and who asks for them."""
    return "\n".join([*_shared(plan, width), "", "nothing is written with `--plan`"]) + "\n"


def _shared(plan: SharedPlan, width: int) -> Iterator[str]:
    for one in plan.libraries:
        # A library wheel that is there already says where its library lies; a new one is told.
        where = f"`{one.path}`" if one.existing else f"`{one.library}`, as `{one.path}`"
        yield from _wrap(f"{one.requirement}: {where}, of {one.owner.label}", width, "  ")
        for consumer in plan.consumers:
            if any(used is one for used in consumer.dropped.values()):
                label = f"{consumer.distribution.label} → {consumer.version}"
                evidence = _evidence(one, consumer.distribution.project)
                yield from (
                    f"  {line}" for line in _wrap(f"{label}: {evidence}", width - 2, "    ")
                )


def _evidence(one: SharedLibrary, project: str) -> str:
    if project in one.asserted:
        return f"asserted: {printable(one.asserted[project])}"
    level = Level(one.levels[project])
    return f"{level.value}: {level.words}"


def render_shared_written(
    plan: SharedPlan, written: Sequence[Written], *, width: int = _WIDTH
) -> str:
    """The evidence, then the wheels with their sizes."""
    before, after = sum(one.before for one in written), sum(one.size for one in written)
    lines = [*_shared(plan, width), "", *_files(written, width), ""]
    lines += _figures([_row("all of them", before, after)], width)
    return "\n".join(lines) + "\n"


def _files(written: Sequence[Written], width: int) -> Iterator[str]:
    """The wheels of each folder, which stands above them: their names are long enough."""
    folders: dict[Path, list[Written]] = {}
    for one in written:
        folders.setdefault(one.path.parent, []).append(one)
    for folder, wheels in folders.items():
        yield f"wrote {count(len(wheels), 'wheel')} into `{printable(str(folder))}`"
        ordered = sorted(wheels, key=lambda one: (one.source is not None, natural(one.path.name)))
        rows = [
            (
                printable(one.path.name),
                bytes_text(one.before) if one.source is not None else "new",
                "→",
                bytes_text(one.size),
            )
            for one in ordered
        ]
        yield from columns(rows, width=width, right={1, 2, 3})
    for one in written:
        for note in one.notes:
            yield from _wrap(f"  note: `{one.path.name}`: {note}", width, "    ")


def _savings(plan: CompanionPlan, written: Sequence[Written], width: int) -> Iterator[str]:
    """Three different figures, for they are easily taken for one another."""
    by_name = {one.path.name: one for one in written}
    companions = [one for one in written if one.source is None]
    rows = [
        _row("stored, all files", sum(one.before for one in written), sum(o.size for o in written))
    ]
    for platform in plan.platforms:
        if not platform.wheels:
            continue
        wheel = by_name[max(one.distribution.filename for one in platform.wheels)]
        suffix = f"-py3-none-{'.'.join(platform.tags)}.whl"
        companion = sum(one.size for one in companions if one.path.name.endswith(suffix))
        where = platform.platform
        if not plan.reused:
            rows.append(_row(f"first install, {where}", wheel.before, wheel.size + companion))
        rows.append(_row(f"upgrade, same libraries, {where}", wheel.before, wheel.size))
    yield from _figures(rows, width)
    yield "  (a first install into one environment gets no smaller: it fetches both)"


def _figures(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    return columns([("", "before", "after", ""), *rows], width=width, right={1, 2, 3})


def _row(what: str, before: int, after: int) -> tuple[str, str, str, str]:
    share = f"{100 * (after - before) / before:+.0f} %" if before else ""
    return what, bytes_text(before), bytes_text(after), share
