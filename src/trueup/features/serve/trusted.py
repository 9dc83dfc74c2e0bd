"""Who is trusted with what: the claims of an identity against the terms of publishers.

Pure: claims that were verified in, a scope out. Sources: what GitHub and GitLab document of the
claims of their identity tokens; PEP 807 (draft) for what is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from trueup.features.serve.receive import RefusedError
from trueup.sources.shown import shown
from trueup.sources.store.publishers import Kind, Publisher, Terms
from trueup.sources.store.tokens import Scope

__all__ = ["AmbiguousError", "Trusted", "UntrustedError", "decide"]

_PINS = {
    Kind.GITHUB: ("repository_id", "repository_owner_id"),
    Kind.GITLAB: ("project_id", "namespace_id"),
    Kind.OIDC: (),
}
"""Numbers that stay with a repository and its owner; names can be given to somebody else."""

_RUN = {
    Kind.GITHUB: ("run_id", "run_attempt", "actor", "event_name", "ref", "sha"),
    Kind.GITLAB: ("pipeline_id", "job_id", "user_login", "pipeline_source", "ref", "sha"),
    Kind.OIDC: ("sub",),
}
"""What the log keeps of an identity beside its name."""

_LONGEST_NAME = 200


class UntrustedError(RefusedError):
    """A true identity that no publisher of ours stands for."""

    status = 422


class AmbiguousError(RefusedError):
    """An identity that stands for several publishers with different channels."""

    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The publishers that an identity stands for, and what it may do in their names.

    ``name`` is what its token is called in the log; ``pins`` what each publisher is bound to from
    now on, by its number; ``run`` tells more of the job that asked.
    """

    publishers: tuple[Publisher, ...]
    scope: Scope
    name: str
    pins: Mapping[int, Mapping[str, str]]
    run: Mapping[str, str]


def decide(
    claims: Mapping[str, Any], publishers: Sequence[Publisher], *, channel: str | None = None
) -> Trusted:
    """What an identity may do that one issuer vouches for; ``publishers`` are those of the issuer.

    ``channel`` is where it wants to publish, if that is known. All publishers whose terms are met
    count together. Raises UntrustedError, AmbiguousError.
    """
    complaints = {one.id: _complaints(claims, one.terms) for one in publishers}
    met = [one for one in publishers if not complaints[one.id]]
    if not met:
        raise _refusal(claims, publishers, complaints)
    if channel is not None:
        met = [one for one in met if channel in one.terms.channels]
        if not met:
            raise UntrustedError(f"the publisher may not publish in channel `{channel}`")
        channels: tuple[str, ...] = (channel,)
    else:
        channels = met[0].terms.channels
        if any(set(one.terms.channels) != set(channels) for one in met):
            numbers = " and ".join(str(one.id) for one in met)
            raise AmbiguousError(
                f"publishers {numbers} are all meant, and publish in different channels",
                hint="tell them apart by their environment, or ask at `/c/CHANNEL/_/oidc/mint-token`",
            )
    projects = dict.fromkeys(project for one in met for project in one.terms.projects)
    kind = met[0].terms.kind
    return Trusted(
        publishers=tuple(met),
        scope=Scope(projects=tuple(projects), actions=("upload", "publish"), channels=channels),
        name=_name(claims, met[0].terms),
        pins={one.id: _pins(claims, one.terms) for one in met},
        run={name: _text(claims[name])[:200] for name in _RUN[kind] if name in claims},
    )


def _complaints(claims: Mapping[str, Any], terms: Terms) -> list[str]:
    """Why an identity does not stand for a publisher; empty if it does."""
    rules = {Kind.GITHUB: _github, Kind.GITLAB: _gitlab, Kind.OIDC: _nothing}
    found = rules[terms.kind](claims, terms)
    for name, expected in terms.claims.items():
        if not _is(claims.get(name), expected):
            found.append(_differs(name, claims.get(name)))
    for name, expected in terms.pinned.items():
        if not _is(claims.get(name), expected):
            found.append(
                f"`{name}` is not what it was before: found {_quoted(claims.get(name))}; "
                "another repository of the same name is another publisher"
            )
    return found


def _github(claims: Mapping[str, Any], terms: Terms) -> list[str]:
    """Repository and environment have no case, paths have."""
    subject, found = terms.subject, []
    if not _same(claims.get("repository"), subject["repository"]):
        return [_differs("repository", claims.get("repository"))]
    # The workflow of the job: OWNER/REPO/.github/workflows/FILE@REF, where REF is `ref`, or `sha`
    # for deployments of a commit. In a reusable workflow it is that one, not its caller.
    file, workflow = f"/.github/workflows/{subject['workflow']}", claims.get("job_workflow_ref")
    refs = [claims.get(name) for name in ("ref", "sha") if claims.get(name)]
    if not any(_at(workflow, subject["repository"], f"{file}@{ref}") for ref in refs):
        found.append(_differs("job_workflow_ref", workflow, f"`…{file}` of this repository"))
    if "environment" in subject and not _same(claims.get("environment"), subject["environment"]):
        found.append(
            _differs("environment", claims.get("environment"), f"`{subject['environment']}`")
        )
    if claims.get("event_name") == "pull_request_target":
        # Anybody can open a pull request, and what such a run checks out is often theirs.
        found.append("`event_name`: runs for `pull_request_target` publish nothing")
    return found


def _gitlab(claims: Mapping[str, Any], terms: Terms) -> list[str]:
    """The path of a project has no case, paths in it and environments have."""
    subject, found = terms.subject, []
    if not _same(claims.get("project_path"), subject["repository"]):
        return [_differs("project_path", claims.get("project_path"))]
    # HOST/NAMESPACE/PROJECT//PATH@REF, where REF is `ref_path`, or `sha`.
    prefix = f"{urlsplit(terms.issuer).netloc}/{subject['repository']}"
    file, workflow = f"//{subject['workflow']}", claims.get("ci_config_ref_uri")
    refs = [claims.get(name) for name in ("ref_path", "sha") if claims.get(name)]
    if not any(_at(workflow, prefix, f"{file}@{ref}") for ref in refs):
        found.append(_differs("ci_config_ref_uri", workflow, f"`…{file}` of this project"))
    if "environment" in subject and claims.get("environment") != subject["environment"]:
        found.append(
            _differs("environment", claims.get("environment"), f"`{subject['environment']}`")
        )
    return found


def _nothing(claims: Mapping[str, Any], terms: Terms) -> list[str]:
    return []


def _at(found: Any, start: str, rest: str) -> bool:
    """Whether a text is a name, in any case, followed by a path to the letter."""
    return (
        isinstance(found, str) and _same(found[: len(start)], start) and found[len(start) :] == rest
    )


def _same(found: Any, expected: str) -> bool:
    """Whether two names are one, in any case; outside ASCII other letters fold onto these."""
    return isinstance(found, str) and found.isascii() and found.lower() == expected.lower()


def _is(found: Any, expected: str) -> bool:
    """Whether a claim has a value, written as in JSON; lists and objects have none."""
    return isinstance(found, str | int) and _text(found) == expected


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quoted(found: Any) -> str:
    return "nothing" if found is None else f"`{shown(_text(found))}`"


def _differs(name: str, found: Any, expected: str | None = None) -> str:
    wanted = "" if expected is None else f", expected {expected}"
    return f"`{name}`: found {_quoted(found)}{wanted}"


def _pins(claims: Mapping[str, Any], terms: Terms) -> Mapping[str, str]:
    names = [name for name in _PINS[terms.kind] if name not in terms.pinned]
    return {name: _text(claims[name]) for name in names if isinstance(claims.get(name), str | int)}


def _refusal(
    claims: Mapping[str, Any],
    publishers: Sequence[Publisher],
    complaints: Mapping[int, Sequence[str]],
) -> UntrustedError:
    """Says what is expected only to the repository itself: anybody can have an identity."""
    own = [one for one in publishers if _is_of(claims, one.terms)]
    told = [f"publisher {one.id}: {'; '.join(complaints[one.id])}" for one in own]
    names = ("repository", "project_path", "sub")
    who = next((claims[name] for name in names if isinstance(claims.get(name), str)), None)
    return UntrustedError(
        f"no publisher here stands for {_quoted(who)}" + "".join(f"\n{line}" for line in told),
        hint="`trueup serve publisher list` shows who is trusted",
    )


def _is_of(claims: Mapping[str, Any], terms: Terms) -> bool:
    if terms.kind is Kind.OIDC:
        return False
    name = "repository" if terms.kind is Kind.GITHUB else "project_path"
    return _same(claims.get(name), terms.subject["repository"])


def _name(claims: Mapping[str, Any], terms: Terms) -> str:
    """Repository, workflow and run, for the log."""
    if terms.kind is Kind.OIDC:
        parts = [urlsplit(terms.issuer).netloc, _text(claims.get("sub", ""))]
    else:
        number = "run_id" if terms.kind is Kind.GITHUB else "pipeline_id"
        parts = [terms.subject["repository"], terms.subject["workflow"]]
        parts += ["run", _text(claims[number])] if number in claims else []
    return f"{terms.kind.value}: {shown(' '.join(filter(None, parts)))}"[:_LONGEST_NAME]
