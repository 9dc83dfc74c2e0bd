"""The answers of `trueup prove` as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from trueup.judge.workaround import toml_list
from trueup.model.explanation import Explanation, Needs
from trueup.model.metadata import title
from trueup.model.proof import Cause, Comparison, FieldProof, Proof, Saying, Standing
from trueup.sources.shown import shown

__all__ = ["render_explanations", "render_proof"]

_SHOWN = 6
_WHERE = {
    "nothing": "nothing: identical builds differ",
    "hash-seed": "the hash seed",
    "path": "the folder it is built in",
    "clock": "the clock",
    "time-zone": "the time zone",
    "locale": "the locale",
    "requirements": "the versions of the build requirements",
    "python": "the Python version",
    "platform": "the platform",
    "variable": "an environment variable",
    "tree": "the folder instead of its sdist",
}


def render_proof(proof: Proof) -> str:
    """The verdict, then what is wrong field by field, then what can be pasted."""
    return "\n".join(_proof(proof)) + "\n"


def _proof(proof: Proof) -> Iterator[str]:
    beginning = proof.beginning
    bad = [field for field in proof.fields if not field.standing.holds]
    good = [field for field in proof.fields if field.standing.holds]
    verdict = "holds" if proof.holds else "does not hold"
    yield f"{beginning.project} {beginning.version}: {verdict}; {_builds(proof)}"
    yield f"  sandbox: {proof.mechanism}"
    for field in [*bad, *(one for one in good if one.causes)]:
        yield ""
        yield from _field(field, proof)
    plain = [title(field.field) for field in good if field.standing is Standing.REPRODUCIBLE]
    if plain:
        yield ""
        yield f"reproducible: {', '.join(plain)}"
    respelled = [field for field in good if field.respelled]
    if respelled:
        names = ", ".join(title(field.field) for field in respelled)
        labels = sorted({label for field in respelled for label in field.respelled})
        yield f"  written differently, with the same meaning: {names} ({_few(labels)})"
    for condition, reason in proof.failed:
        simulated = " (simulated)" if condition.simulated else ""
        yield f"could not be built with {condition.label}{simulated}: {reason}"
    if proof.comparisons:
        yield ""
        yield from _comparisons(proof.comparisons)
    settled = any(
        field.field == "requires-dist" and field.standing is Standing.REPRODUCIBLE
        for field in proof.fields
    )
    if proof.may_add and not settled:
        yield ""
        yield "Every list that may appear, as a declaration for `pyproject.toml`:"
        yield ""
        yield "[tool.trueup.dynamic]"
        yield f"may-add = {toml_list(proof.may_add)}"


def _builds(proof: Proof) -> str:
    count = len(proof.runs)
    return f"{count} build{'s' if count > 1 else ''} of `{proof.beginning.filename}`"


def _field(field: FieldProof, proof: Proof) -> Iterator[str]:
    yield f"{title(field.field)}: {field.standing.value} ({field.case.value})"
    for saying in field.broken[:_SHOWN]:
        yield f"  beside PKG-INFO, {saying.label}: {_words(saying)}"
    if field.beyond:
        yield f"  not in `may-add`: {_few([f'`{item}`' for item in field.beyond])}"
    for cause in field.causes:
        yield from _cause(cause)
    for culprit in proof.culprits:
        if culprit.field == field.field:
            yield f"  likely: {culprit.file}:{culprit.line}: {_cut(culprit.text)} ({culprit.reason})"


def _cause(cause: Cause) -> Iterator[str]:
    simulated = " (simulated)" if cause.simulated else ""
    yield f"  varies with {_WHERE.get(cause.name, cause.name)}{simulated}"
    for saying in cause.sayings[:_SHOWN]:
        yield f"    {saying.label}: {_words(saying)}"
    if len(cause.sayings) > _SHOWN:
        yield f"    and {len(cause.sayings) - _SHOWN} more"


def _words(saying: Saying) -> str:
    return _more_and_less(saying.added, saying.missing)


def _more_and_less(added: Sequence[str], missing: Sequence[str]) -> str:
    parts = []
    if added:
        parts.append("more " + _few([f"`{_cut(item)}`" for item in added]))
    if missing:
        parts.append("without " + _few([f"`{_cut(item)}`" for item in missing]))
    return ", ".join(parts) or "the same items in another order"


def _comparisons(comparisons: Sequence[Comparison]) -> Iterator[str]:
    same = [one for one in comparisons if not one.differences and one.unread is None]
    yield f"{len(same)} of {len(comparisons)} published wheels say what the sdist gives"
    groups: dict[tuple[object, ...], list[Comparison]] = {}
    for one in comparisons:
        if one.unread is not None:
            yield f"  {one.filename}: unread: {one.unread}"
        elif one.differences:
            groups.setdefault(one.differences, []).append(one)
    for members in groups.values():
        yield f"  {_few([one.filename for one in members])}"
        yield "    does not say so; another build or a repair step changed:"
        for item in members[0].differences:
            yield f"    {title(item.field)}: {_more_and_less(item.added, item.missing)}"


def _few(items: Sequence[str]) -> str:
    shown = ", ".join(items[:_SHOWN])
    return shown if len(items) <= _SHOWN else f"{shown} and {len(items) - _SHOWN} more"


def _cut(text: str) -> str:
    # What the foreign code says of itself; a terminal obeys some characters.
    text = shown(text)
    return text if len(text) <= 100 else f"{text[:97]}..."


# --- explanations -------------------------------------------------------------------------------


def render_explanations(name: str, explanations: Iterable[Explanation]) -> str:
    """Would it be built, why, and what it would need: once for environments that are alike."""
    return "\n".join(_explanations(name, list(explanations))) + "\n"


def _explanations(name: str, explanations: list[Explanation]) -> Iterator[str]:
    alike: dict[Explanation, list[Explanation]] = {}
    for item in explanations:
        alike.setdefault(replace(item, target="", wheels=()), []).append(item)
    for number, (one, members) in enumerate(alike.items()):
        if number:
            yield ""
        yield f"{name} on {', '.join(item.target for item in members)}: {_answer(one)}"
        yield f"  why: {one.reason}"
        wheels = list(dict.fromkeys(wheel for item in members for wheel in item.wheels))
        if wheels:
            yield f"  wheels: {_few(wheels)}"
        if one.builds is False:
            continue
        yield f"  sdist: {one.sdist}"
        if one.manual is not None:
            because = f": {one.manual}" if one.manual else ""
            yield f'  `[tool.trueup.sdist] build = "manual"` says not to build it by default{because}'
        if one.needs is not None:
            yield from _needs(one.needs)


def _answer(one: Explanation) -> str:
    if one.builds is None:
        return "an installer would build it in a part of these environments"
    if one.builds:
        return "an installer would build it"
    return "an installer would not build it"


def _needs(needs: Needs) -> Iterator[str]:
    yield f"  needs: {needs.backend}, with {_few([f'`{item}`' for item in needs.requires])}"
    for language in needs.languages:
        yield f"  needs: a {language.name} compiler ({language.evidence})"
    for item in needs.external:
        yield f"  needs: {item}, by `[external]`"
