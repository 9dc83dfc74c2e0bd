"""Words that describe a publisher, checked: what it must prove, and what it may do then.

Sources: the naming rules of GitHub and GitLab, as far as they keep a name from meaning two things;
OpenID Connect Core 1.0, section 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName

from trueup.features.serve.names import channel_names, project_names
from trueup.model.errors import UsageError
from trueup.sources.oidc import check_issuer
from trueup.sources.shown import shown
from trueup.sources.store.publishers import Kind, Terms

__all__ = ["GITHUB", "GITLAB", "GITLAB_WORKFLOW", "github_terms", "gitlab_terms", "oidc_terms"]

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
GITLAB_WORKFLOW = ".gitlab-ci.yml"

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_GITHUB_REPOSITORY = re.compile(rf"[A-Za-z0-9_-]+/{_NAME}", re.ASCII)
_GITLAB_PROJECT = re.compile(rf"{_NAME}(?:/{_NAME})+", re.ASCII)
_WORKFLOW = re.compile(r"[^/\s\x00-\x1f]+\.ya?ml")
_PATH = re.compile(r"(?!/)[^\s\x00-\x1f]+\.ya?ml")
_NO_PROOF = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})
"""Claims that every token of an issuer has, whoever asks for it."""


def github_terms(
    repository: str,
    workflow: str,
    *,
    projects: Sequence[str],
    channels: Sequence[str],
    environment: str | None = None,
    owner_id: str | None = None,
    issuer: str = GITHUB,
    claims: Mapping[str, str] | None = None,
) -> Terms:
    """A workflow of a repository, which publishes from any of its branches and tags.

    ``owner_id`` is the number of the repository's owner; without it the first token decides.
    Raises UsageError.
    """
    if not _GITHUB_REPOSITORY.fullmatch(repository):
        raise _wrong("the repository", repository, "`OWNER/REPOSITORY`")
    if not _WORKFLOW.fullmatch(workflow):
        raise _wrong("the workflow", workflow, "the name of a file in `.github/workflows`")
    if owner_id is not None and not re.fullmatch(r"[0-9]+", owner_id):
        raise _wrong("the owner's number", owner_id, "digits")
    return Terms(
        kind=Kind.GITHUB,
        issuer=check_issuer(issuer),
        subject=_subject(repository, workflow, environment),
        claims=_claims(claims or {}),
        pinned={} if owner_id is None else {"repository_owner_id": owner_id},
        projects=_projects(projects),
        channels=_channels(channels),
    )


def gitlab_terms(
    project: str,
    workflow: str = GITLAB_WORKFLOW,
    *,
    projects: Sequence[str],
    channels: Sequence[str],
    environment: str | None = None,
    issuer: str = GITLAB,
    claims: Mapping[str, str] | None = None,
) -> Terms:
    """A pipeline of a project; ``workflow`` is the path of its file. Raises UsageError."""
    if not _GITLAB_PROJECT.fullmatch(project):
        raise _wrong("the project", project, "`NAMESPACE/PROJECT`")
    if not _PATH.fullmatch(workflow):
        raise _wrong("the pipeline's file", workflow, "its path in the repository")
    return Terms(
        kind=Kind.GITLAB,
        issuer=check_issuer(issuer),
        subject=_subject(project, workflow, environment),
        claims=_claims(claims or {}),
        pinned={},
        projects=_projects(projects),
        channels=_channels(channels),
    )


def oidc_terms(
    issuer: str, claims: Mapping[str, str], *, projects: Sequence[str], channels: Sequence[str]
) -> Terms:
    """Whoever has these claims from this issuer. Raises UsageError."""
    if issuer.rstrip("/") in (GITHUB, GITLAB):
        # Single claims of theirs are easily such that anybody can have them.
        kind = "github" if issuer.startswith(GITHUB) else "gitlab"
        raise UsageError(
            f"the claims of `{issuer}` have rules of their own",
            hint=f"use `trueup serve publisher add {kind}`, which takes `--claim` as well",
        )
    if not claims:
        raise UsageError("without a claim, everybody whom the issuer knows could publish")
    return Terms(
        kind=Kind.OIDC,
        issuer=check_issuer(issuer),
        subject={},
        claims=_claims(claims),
        pinned={},
        projects=_projects(projects),
        channels=_channels(channels),
    )


def _subject(repository: str, workflow: str, environment: str | None) -> dict[str, str]:
    found = {"repository": repository, "workflow": workflow}
    if environment is not None:
        if not environment.strip():
            raise _wrong("the environment", environment, "a name")
        found["environment"] = environment
    return found


def _claims(claims: Mapping[str, str]) -> dict[str, str]:
    for name in claims:
        if name in _NO_PROOF:
            raise UsageError(f"the claim `{name}` tells nothing of whoever has the token")
        if not name or not claims[name]:
            raise UsageError("a claim needs a name and a value")
    return dict(claims)


def _projects(names: Sequence[str]) -> tuple[NormalizedName, ...]:
    if not names:
        raise UsageError("a publisher needs a project that it may publish")
    return project_names(names)


def _channels(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        raise UsageError("a publisher needs a channel that it may publish in")
    return channel_names(names)


def _wrong(what: str, found: str, expected: str) -> UsageError:
    return UsageError(f"{what} is malformed", found=f"`{shown(found)}`", expected=expected)
