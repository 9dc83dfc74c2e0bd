"""The report as text for people: readable without colour, and in 80 columns."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from trueup.interfaces.report.page import Page, join_blocks, table
from trueup.interfaces.report.paste import pyproject
from trueup.interfaces.report.words import (
    count,
    headline,
    in_order,
    origin,
    printable,
    summary,
)
from trueup.model.finding import (
    Advice,
    Finding,
    Merged,
    ReleaseClass,
    ReleaseReport,
    Report,
    Witness,
)

__all__ = ["render_text"]

_LISTED_RELEASES = 10
_LISTED_REQUIREMENTS = 20
_SUGGEST = re.compile(r"; `trueup check --suggest` prints [^;]*")

_CLASS_COLOUR = {
    ReleaseClass.IDENTICAL: "green",
    ReleaseClass.UNIFORM: "green",
    ReleaseClass.MERGEABLE: "yellow",
    ReleaseClass.IRRECONCILABLE: "red",
    ReleaseClass.UNKNOWN: "magenta",
}
_FIXES = {
    ReleaseClass.MERGEABLE: (
        "give every wheel the one list, with markers, in `pyproject.toml`, instead of choosing "
        "while building; then upload all files under a new version"
    ),
    ReleaseClass.IRRECONCILABLE: (
        "make the files named above ask for the same, or move what differs into an extra or "
        "a project of its own; then upload all files under a new version"
    ),
}


def render_text(
    report: Report,
    *,
    colour: bool,
    width: int,
    verbose: bool = False,
    suggest: bool = False,
    fix_hint: bool = False,
) -> str:
    """The report as text that ends with a line break.

    ``width`` is in terminal columns; file names and what is meant to be pasted are never broken.
    ``verbose`` lists every file, every value, and the environments that show the differences;
    Of many releases those that agree are only counted, unless ``verbose``;
    ``suggest`` adds the merged list for a `pyproject.toml` and the work-arounds for users of the
    release as published; ``fix_hint`` tells the maintainer how such a release is put right.
    """
    page = _Page(colour=colour, width=max(width, 40), verbose=verbose, suggest=suggest)
    blocks: list[list[str]] = []
    many = len(report.releases) > _LISTED_RELEASES and not verbose
    agreeing = [release for release in report.releases if many and _agrees(release)]
    # Releases about which there is no more than one line to say stand below each other.
    dense: set[int] = set()
    for release in report.releases:
        if many and _agrees(release):
            continue
        blocks.append(page.head(release))
        if len(blocks[-1]) == 1:
            dense.add(len(blocks) - 1)
        blocks += [page.finding(page.hinted(finding)) for finding in release.findings]
        if verbose:
            blocks += page.details(release)
        if release.merged is not None:
            if suggest:
                blocks.append(page.suggestion(release, release.merged))
            elif release.release_class.rank >= ReleaseClass.MERGEABLE.rank:
                blocks.append(page.merged(release, release.merged))
        elif release.only_in is not None and not suggest:
            blocks.append(page.wrap(_ask_for(release.only_in), ""))
        if suggest:
            blocks += [
                page.workaround(f"Work-around for users: {what}", text)
                for what, text in release.workarounds
            ]
        if fix_hint and (fix := _FIXES.get(release.release_class)) is not None:
            blocks.append(page.labelled("fix: ", fix, indent=""))
    blocks += [page.failure(f"`{target}`", reason) for target, reason in report.failures]
    if agreeing:
        dense.add(len(blocks))
        blocks.append(page.wrap(_agree(len(agreeing)), ""))
    dense.add(len(blocks))
    blocks.append(page.wrap(summary(report), ""))
    if many:
        blocks[-1] += page.found(report)
    return "\n".join(join_blocks(blocks, dense)) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page(Page):
    """The blocks that only releases have; ``suggest`` prints what is meant to be pasted."""

    suggest: bool

    def hinted(self, finding: Finding) -> Finding:
        """The finding without a hint to print what is printed below anyway."""
        if finding.hint is None or not self.suggest:
            return finding
        return replace(finding, hint=_SUGGEST.sub("", finding.hint))

    def head(self, release: ReleaseReport) -> list[str]:
        colour = _CLASS_COLOUR[release.release_class]
        lines = [
            self.paint(line, colour, bold=True) for line in self.wrap(headline(release), "", "  ")
        ]
        # That one file may be read is said above; why it may not is news.
        if release.advice_reason and (self.verbose or release.advice is not Advice.READ_ONE):
            reason = f"{release.advice.value} ({release.advice_reason})"
            lines += self.labelled("advice:  ", reason, None)
        return lines

    def found(self, report: Report) -> list[str]:
        """The releases with findings once more, where many others stood between them."""
        lines: list[str] = []
        for release in report.releases:
            alone = summary(Report(releases=(release,))).removesuffix(" in 1 release")
            if release.findings:
                lines += self.wrap(f"{release.project} {release.version}: {alone}", "  ", "    ")
        return lines

    def merged(self, release: ReleaseReport, merged: Merged) -> list[str]:
        """The merged list as core metadata; of a long one, what is not in every wheel anyway."""
        lines = self.wrap(_serves(merged), "")
        differing = {field.field for field in release.fields if len(field.variants) > 1}
        if merged.requires_python is not None and "Requires-Python" in differing:
            lines.append(f"  Requires-Python: {printable(merged.requires_python)}")
        shown = merged.requires_dist
        if len(shown) > _LISTED_REQUIREMENTS and not self.verbose:
            common = _common_requirements(release)
            shown = tuple(line for line in shown if line not in common)[:_LISTED_REQUIREMENTS]
        lines += [f"  Requires-Dist: {printable(line)}" for line in shown]
        if "Provides-Extra" in differing:
            lines += [f"  Provides-Extra: {printable(extra)}" for extra in merged.provides_extra]
        left = len(merged.requires_dist) - len(shown)
        if left:
            lines.append(f"  … and {left:,} more; `--suggest` prints all")
        return lines + self.notes(merged)

    def suggestion(self, release: ReleaseReport, merged: Merged) -> list[str]:
        title = f"{release.project} {release.version}"
        lines = self.wrap(f"{_serves(merged)} In `pyproject.toml` of {title}:", "")
        return [*lines, "", *pyproject(merged).splitlines(), *self.notes(merged)]

    def notes(self, merged: Merged) -> list[str]:
        if not merged.notes:
            return []
        return ["", *(line for note in merged.notes for line in self.labelled("note: ", note))]

    def details(self, release: ReleaseReport) -> list[list[str]]:
        files = [
            (
                file.status.value,
                printable(file.how),
                "verified" if file.verified else "unverified",
                printable(file.filename) + (f": {printable(file.reason)}" if file.reason else ""),
            )
            for file in in_order(release.files)
        ]
        fields = [
            (
                printable(item.field),
                item.release_class.value if item.release_class else "no class",
                f"promise: {item.case.value}",
                count(len(item.variants), "variant"),
            )
            for item in release.fields
        ]
        blocks = [["files of " + printable(origin(release.origin)), *table(files)]]
        blocks += [["fields", *table(fields)]] if fields else []
        return blocks + [self.witness(witness) for witness in release.witnesses]

    def witness(self, witness: Witness) -> list[str]:
        environment = ", ".join(f'{name}="{value}"' for name, value in witness.environment)
        project = f": `{witness.project}`" if witness.project is not None else ""
        extra = f", extra `{witness.extra}`" if witness.extra is not None else ""
        lines = self.wrap(f"to see it by hand: {witness.field}{project}{extra}", "")
        lines += self.labelled("environment:  ", environment, None)
        for name, tags, values in zip(
            witness.files, witness.tag_parts, witness.values, strict=True
        ):
            lines += [f"  {printable(name)}", *([f"      {printable(tags)}"] if tags else [])]
            lines += [f"      {printable(value)}" for value in values or ("(nothing)",)]
        return lines


def _agrees(release: ReleaseReport) -> bool:
    """Whether one line is all that there is to say: nothing found, and nothing unread."""
    return (
        not release.findings
        and not release.at_least
        and release.release_class.rank < ReleaseClass.MERGEABLE.rank
    )


def _agree(number: int) -> str:
    return f"{count(number, 'release')} {'agrees' if number == 1 else 'agree'}; `-v` lists them"


def _ask_for(only_in: str) -> str:
    return (
        "`trueup check --suggest` prints the list that serves all the rest, "
        f"everything but {only_in}, where there is one"
    )


def _serves(merged: Merged) -> str:
    if merged.residue is not None:
        return f"One list serves every wheel, except for {merged.residue}."
    return "One list serves every wheel."


def _common_requirements(release: ReleaseReport) -> frozenset[str]:
    """The lines that every wheel has as they are."""
    variants = [
        frozenset(variant.values)
        for field in release.fields
        if field.field == "Requires-Dist"
        for variant in field.variants
        if any(name.endswith(".whl") for name in variant.files)
    ]
    return frozenset.intersection(*variants) if variants else frozenset()
