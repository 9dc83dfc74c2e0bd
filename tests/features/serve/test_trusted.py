"""Who is trusted with what: a table of claims against terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.issuer import GITHUB_CLAIMS
from trueup.features.serve.terms import GITHUB, github_terms, gitlab_terms, oidc_terms
from trueup.features.serve.trusted import AmbiguousError, Trusted, UntrustedError, decide
from trueup.model.errors import UsageError
from trueup.sources.store.publishers import Publisher, Terms

GITLAB_CLAIMS = {
    "sub": "project_path:group/sub/lattice:ref_type:tag:ref:v1.0",
    "project_path": "group/sub/lattice",
    "project_id": "21",
    "namespace_id": "3",
    "ref": "v1.0",
    "ref_path": "refs/tags/v1.0",
    "sha": "1" * 40,
    "ci_config_ref_uri": "gitlab.com/group/sub/lattice//.gitlab-ci.yml@refs/tags/v1.0",
    "environment": "release",
    "pipeline_id": "99",
    "job_id": "7",
}
OIDC_CLAIMS = {"sub": "builder", "email": "ci@ci.test", "email_verified": True, "level": 3,
               "groups": ["release"], "rate": 0.5, "nothing": None}  # fmt: skip

LATTICE: dict[str, Any] = {"projects": ["lattice"], "channels": ["main"]}


def github(environment: str | None = None, **changes: Any) -> Terms:
    words = {"repository": "octo/lattice", "workflow": "release.yml", **LATTICE, **changes}
    return github_terms(**words, environment=environment)


def gitlab(environment: str | None = None, **changes: Any) -> Terms:
    words = {"project": "group/sub/lattice", **LATTICE, **changes}
    return gitlab_terms(**words, environment=environment)


def oidc(**claims: str) -> Terms:
    return oidc_terms("https://ci.test", claims, **LATTICE)


def decided(claims: Mapping[str, Any], *terms: Terms, channel: str | None = None) -> Trusted:
    publishers = [Publisher(id=number, terms=one) for number, one in enumerate(terms, 1)]
    return decide(claims, publishers, channel=channel)


def told(claims: Mapping[str, Any], *terms: Terms, channel: str | None = None) -> str:
    with pytest.raises(UntrustedError) as caught:
        decided(claims, *terms, channel=channel)
    assert caught.value.status == 422
    return str(caught.value)


JOB = ".github/workflows"
MET: dict[str, tuple[Mapping[str, Any], Terms]] = {
    "any environment": (GITHUB_CLAIMS, github()),
    "no environment": ({**GITHUB_CLAIMS, "environment": None}, github()),
    "its environment": (GITHUB_CLAIMS, github("release")),
    "its environment in another case": (GITHUB_CLAIMS, github("Release")),
    "the repository in another case": (GITHUB_CLAIMS, github(repository="Octo/LATTICE")),
    "a deployment of a commit": (
        {**GITHUB_CLAIMS, "ref": "",
         "job_workflow_ref": f"octo/lattice/{JOB}/release.yml@{'0' * 40}"},
        github(),
    ),
    "a workflow with an at sign": (
        {**GITHUB_CLAIMS, "job_workflow_ref": f"octo/lattice/{JOB}/a@b.yml@refs/tags/v1.0"},
        github(workflow="a@b.yml"),
    ),
    "the number of its owner": (GITHUB_CLAIMS, github(owner_id="7")),
    "a claim more": (GITHUB_CLAIMS, github(claims={"ref": "refs/tags/v1.0"})),
    "a subject in the owner's own form": ({**GITHUB_CLAIMS, "sub": "octo@7/lattice@11"}, github()),
    "gitlab": (GITLAB_CLAIMS, gitlab()),
    "gitlab, its environment": (GITLAB_CLAIMS, gitlab("release")),
    "gitlab, the path in another case": (GITLAB_CLAIMS, gitlab(project="Group/Sub/Lattice")),
    "gitlab, by commit": (
        {**GITLAB_CLAIMS,
         "ci_config_ref_uri": f"gitlab.com/group/sub/lattice//.gitlab-ci.yml@{'1' * 40}"},
        gitlab(),
    ),
    "gitlab of one's own": (
        {**GITLAB_CLAIMS,
         "ci_config_ref_uri": "git.test:8443/group/sub/lattice//ci/a.yaml@refs/tags/v1.0"},
        gitlab(issuer="https://git.test:8443", workflow="ci/a.yaml"),
    ),
    "a text": (OIDC_CLAIMS, oidc(sub="builder")),
    "several claims": (OIDC_CLAIMS, oidc(email="ci@ci.test", email_verified="true")),
    "a number": (OIDC_CLAIMS, oidc(level="3")),
}  # fmt: skip


@pytest.mark.parametrize("case", MET)
def test_terms_that_are_met(case: str) -> None:
    claims, terms = MET[case]
    found = decided(claims, terms)
    assert (found.scope.projects, found.scope.channels) == (("lattice",), ("main",))
    assert found.scope.actions == ("upload", "publish")


FORK = "job_workflow_ref"
NOT_MET: dict[str, tuple[Mapping[str, Any], Terms, str]] = {
    "another repository": (
        {**GITHUB_CLAIMS, "repository": "evil/lattice"}, github(),
        "no publisher here stands for `evil/lattice`",
    ),
    "a repository that begins the same": (
        {**GITHUB_CLAIMS, "repository": "octo/lattice2"}, github(),
        "no publisher here stands for `octo/lattice2`",
    ),
    "a letter that folds onto another": (
        {**GITHUB_CLAIMS, "repository": "octo/\u212aite"}, github(repository="octo/kite"),
        "no publisher here stands for `octo/\u212aite`",
    ),
    "no repository": (
        {**GITHUB_CLAIMS, "repository": None}, github(),
        "no publisher here stands for `repo:octo/lattice:environment:release`",
    ),
    "another workflow": (
        {**GITHUB_CLAIMS, FORK: f"octo/lattice/{JOB}/test.yml@refs/tags/v1.0"}, github(),
        "publisher 1: `job_workflow_ref`: found "
        "`octo/lattice/.github/workflows/test.yml@refs/tags/v1.0`, "
        "expected `…/.github/workflows/release.yml` of this repository",
    ),
    "a workflow in another case": (
        {**GITHUB_CLAIMS, FORK: f"octo/lattice/{JOB}/Release.yml@refs/tags/v1.0"}, github(),
        "publisher 1: `job_workflow_ref`: found",
    ),
    "a workflow whose name ends the same": (
        {**GITHUB_CLAIMS, FORK: f"octo/lattice/{JOB}/x/release.yml@refs/tags/v1.0"}, github(),
        "publisher 1: `job_workflow_ref`: found",
    ),
    "a branch that is named like the workflow": (
        {**GITHUB_CLAIMS, "ref": "refs/heads/x", FORK:
         f"octo/lattice/{JOB}/evil.yml@refs/heads/{JOB}/release.yml@refs/heads/x"},
        github(), "publisher 1: `job_workflow_ref`: found",
    ),
    "a reusable workflow of somebody else": (
        {**GITHUB_CLAIMS, FORK: f"evil/shared/{JOB}/release.yml@refs/tags/v1.0"}, github(),
        "publisher 1: `job_workflow_ref`: found",
    ),
    "no workflow": (
        {**GITHUB_CLAIMS, FORK: None}, github(),
        "publisher 1: `job_workflow_ref`: found nothing, expected",
    ),
    "a workflow of no ref": (
        {**GITHUB_CLAIMS, "ref": "", "sha": "", FORK: f"octo/lattice/{JOB}/release.yml@"}, github(),
        "publisher 1: `job_workflow_ref`: found",
    ),
    "another environment": (
        {**GITHUB_CLAIMS, "environment": "test"}, github("release"),
        "publisher 1: `environment`: found `test`, expected `release`",
    ),
    "outside the environment": (
        {**GITHUB_CLAIMS, "environment": None}, github("release"),
        "publisher 1: `environment`: found nothing, expected `release`",
    ),
    "pull requests of strangers": (
        {**GITHUB_CLAIMS, "event_name": "pull_request_target"}, github(),
        "publisher 1: `event_name`: runs for `pull_request_target` publish nothing",
    ),
    "a new owner of the name": (
        GITHUB_CLAIMS, github(owner_id="8"),
        "publisher 1: `repository_owner_id` is not what it was before: found `7`; "
        "another repository of the same name is another publisher",
    ),
    "a claim less": (
        GITHUB_CLAIMS, github(claims={"ref_protected": "true"}),
        "publisher 1: `ref_protected`: found nothing",
    ),
    "gitlab, another project": (
        {**GITLAB_CLAIMS, "project_path": "evil/lattice"}, gitlab(),
        "no publisher here stands for `evil/lattice`",
    ),
    "gitlab, another file": (
        {**GITLAB_CLAIMS, "ci_config_ref_uri":
         "gitlab.com/group/sub/lattice//x/.gitlab-ci.yml@refs/tags/v1.0"}, gitlab(),
        "publisher 1: `ci_config_ref_uri`: found",
    ),
    "gitlab, a file of another project": (
        {**GITLAB_CLAIMS, "ci_config_ref_uri":
         "gitlab.com/evil/lattice//.gitlab-ci.yml@refs/tags/v1.0"}, gitlab(),
        "publisher 1: `ci_config_ref_uri`: found",
    ),
    "gitlab, on another server": (
        {**GITLAB_CLAIMS, "ci_config_ref_uri":
         "git.test/group/sub/lattice//.gitlab-ci.yml@refs/tags/v1.0"}, gitlab(),
        "publisher 1: `ci_config_ref_uri`: found",
    ),
    "gitlab, an environment in another case": (
        GITLAB_CLAIMS, gitlab("Release"),
        "publisher 1: `environment`: found `release`, expected `Release`",
    ),
    "a text in another case": (
        OIDC_CLAIMS, oidc(sub="Builder"), "no publisher here stands for `builder`"
    ),
    "one claim of two": (
        OIDC_CLAIMS, oidc(sub="builder", level="4"), "no publisher here stands for `builder`"
    ),
    "a list": (OIDC_CLAIMS, oidc(groups="release"), "no publisher here stands for `builder`"),
    "a list as it is written": (OIDC_CLAIMS, oidc(groups="['release']"), "no publisher here"),
    "a fraction": (OIDC_CLAIMS, oidc(rate="0.5"), "no publisher here stands for `builder`"),
    "nothing": (OIDC_CLAIMS, oidc(nothing="None"), "no publisher here stands for `builder`"),
    "truth in Python's words": (OIDC_CLAIMS, oidc(email_verified="True"), "no publisher here"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_MET)
def test_terms_that_are_not_met(case: str) -> None:
    claims, terms, words = NOT_MET[case]
    assert words in told(claims, terms)


def test_strangers_are_not_told_what_would_be_right() -> None:
    stranger = {**GITHUB_CLAIMS, "repository": "evil/lattice"}
    text = told(stranger, github("release"), oidc(sub="builder"))
    assert text == "no publisher here stands for `evil/lattice`"


def test_a_name_without_control_characters() -> None:
    claims = {**OIDC_CLAIMS, "sub": "a\nb\x1b[2J" + "x" * 500}
    name = decided(claims, oidc(level="3")).name
    assert name.startswith("oidc: ci.test a\\nb\\x1b[2J")
    assert name.isprintable()
    assert len(name) <= 200


def test_the_log_tells_repository_workflow_and_run() -> None:
    found = decided(GITHUB_CLAIMS, github("release"))
    assert found.name == "github: octo/lattice release.yml run 4711"
    assert found.run["actor"] == "octocat"
    assert (
        decided(GITLAB_CLAIMS, gitlab()).name == "gitlab: group/sub/lattice .gitlab-ci.yml run 99"
    )
    assert decided(OIDC_CLAIMS, oidc(sub="builder")).name == "oidc: ci.test builder"


def test_numbers_are_taken_from_the_first_token() -> None:
    found = decided(GITHUB_CLAIMS, github(), github(owner_id="7"))
    assert found.pins == {
        1: {"repository_id": "11", "repository_owner_id": "7"},
        2: {"repository_id": "11"},
    }
    assert decided(GITLAB_CLAIMS, gitlab()).pins == {1: {"project_id": "21", "namespace_id": "3"}}
    assert decided(OIDC_CLAIMS, oidc(sub="builder")).pins == {1: {}}


# --- several publishers ---------------------------------------------------------------------------


def test_all_that_are_meant_count_together() -> None:
    found = decided(
        GITHUB_CLAIMS, github(), github("release", projects=["mesh", "lattice"]),
        github("test", projects=["secret"]),
    )  # fmt: skip
    assert found.scope.projects == ("lattice", "mesh")
    assert [one.id for one in found.publishers] == [1, 2]


def test_a_scope_never_grants_what_no_publisher_has() -> None:
    """`lattice` in `main` and `mesh` in `mpi` are not `lattice` in `mpi`."""
    both = github(), github(projects=["mesh"], channels=["mpi"])
    with pytest.raises(AmbiguousError) as caught:
        decided(GITHUB_CLAIMS, *both)
    assert str(caught.value) == (
        "publishers 1 and 2 are all meant, and publish in different channels"
    )
    for channel, project in (("main", "lattice"), ("mpi", "mesh")):
        scope = decided(GITHUB_CLAIMS, *both, channel=channel).scope
        assert (scope.projects, scope.channels) == ((project,), (channel,))
    assert told(GITHUB_CLAIMS, *both, channel="other") == (
        "the publisher may not publish in channel `other`"
    )


# --- words ----------------------------------------------------------------------------------------

MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "no owner": ({"repository": "lattice"}, "the repository is malformed: found `lattice`"),
    "a path": ({"repository": "octo/lattice/x"}, "the repository is malformed"),
    "a letter that is none": ({"repository": "octo/l\u0430ttice"}, "the repository is malformed"),
    "a workflow's path": ({"workflow": f"{JOB}/release.yml"}, "the workflow is malformed"),
    "a workflow that is none": ({"workflow": "release"}, "the workflow is malformed"),
    "an empty environment": ({"environment": " "}, "the environment is malformed"),
    "an owner's name": ({"owner_id": "octo"}, "the owner's number is malformed: found `octo`"),
    "an owner of other digits": ({"owner_id": "\u0667"}, "the owner's number is malformed"),
    "no project": ({"projects": []}, "a publisher needs a project that it may publish"),
    "all projects": ({"projects": ["*"]}, "this is no name of a project: name is invalid: '*'"),
    "no channel": ({"channels": []}, "a publisher needs a channel that it may publish in"),
    "all channels": ({"channels": ["*"]}, "the channel is malformed: found `*`, expected"),
    "a claim of everybody": ({"claims": {"aud": "x"}}, "the claim `aud` tells nothing of whoever"),
    "an empty claim": ({"claims": {"ref": ""}}, "a claim needs a name and a value"),
    "an issuer without TLS": ({"issuer": "http://ci.test"}, "this is no address of an issuer"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_words_that_mean_nothing(case: str) -> None:
    changes, words = MALFORMED[case]
    with pytest.raises(UsageError) as caught:
        github(**changes)
    assert str(caught.value).startswith(words)


def test_names_of_projects_are_one_however_they_are_written() -> None:
    assert github(projects=["Lat_tice", "lat.tice", "mesh"]).projects == ("lat-tice", "mesh")


@pytest.mark.parametrize("issuer", [GITHUB, f"{GITHUB}/", "https://gitlab.com"])
def test_services_that_everybody_uses_have_rules_of_their_own(issuer: str) -> None:
    """`environment=release` alone would trust every repository in the world."""
    with pytest.raises(UsageError):
        oidc_terms(issuer, {"environment": "release"}, **LATTICE)


def test_an_issuer_alone_proves_nothing() -> None:
    with pytest.raises(UsageError):
        oidc_terms("https://ci.test", {}, **LATTICE)


@pytest.mark.parametrize("path", ["/abs.yml", "a b.yml", "file.txt", ""])
def test_files_of_pipelines(path: str) -> None:
    with pytest.raises(UsageError):
        gitlab(workflow=path)
