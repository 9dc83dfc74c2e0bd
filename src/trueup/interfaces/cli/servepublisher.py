"""`trueup serve publisher`: who publishes without a token of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.errors import HOLDS
from trueup.interfaces.serveinput import ServeOptions, open_store
from trueup.model.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from trueup.sources.store.publishers import Publisher, Terms

__all__ = ["publisher"]

_WHO = "command line"
_EPILOG = """\b
Examples:
  trueup serve publisher add github octo/lattice --workflow release.yml --project lattice
  trueup serve publisher add gitlab group/lattice --environment release --project lattice
  trueup serve publisher add oidc --issuer https://ci.test --claim sub=release --project lattice
  trueup serve publisher list
"""


@click.group("publisher", epilog=_EPILOG)
def publisher() -> None:
    """Trusted publishing: jobs of a CI service that may upload without a token."""


@publisher.group("add")
def add() -> None:
    """Trust a publisher; its projects need not exist yet."""


def _grant_options(function: Any) -> Any:
    for option in (
        click.option(
            "claims",
            "--claim",
            metavar="NAME=VALUE",
            multiple=True,
            help="What must stand in its tokens, to the letter.",
        ),
        click.option(
            "channels",
            "--channel",
            multiple=True,
            default=("main",),
            show_default=True,
            help="It may publish in this channel.",
        ),
        click.option(
            "projects",
            "--project",
            multiple=True,
            required=True,
            help="It may publish this project.",
        ),
    ):
        function = option(function)
    return function


_ENVIRONMENT = click.option(
    "environment", "--environment", help="Only jobs in this environment (default: any or none)."
)
_ISSUER = click.option(
    "issuer", "--issuer", metavar="URL", help="A server of your own, as its tokens name it."
)


@add.command("github")
@click.argument("repository", metavar="OWNER/REPOSITORY")
@click.option(
    "workflow", "--workflow", required=True, help="Its file's name in `.github/workflows`."
)
@_ENVIRONMENT
@click.option(
    "owner_id",
    "--owner-id",
    metavar="NUMBER",
    help="The owner's number (default: that of the first token).",
)
@_ISSUER
@_grant_options
@click.pass_obj
def github(options: ServeOptions, /, issuer: str | None, **words: Any) -> None:
    """Trust a workflow of a repository on GitHub."""
    store = open_store(options)
    from trueup.features.serve.terms import GITHUB, github_terms

    words["claims"] = _pairs(words["claims"])
    _told(store.add_publisher(github_terms(**words, issuer=issuer or GITHUB), who=_WHO))


@add.command("gitlab")
@click.argument("project", metavar="NAMESPACE/PROJECT")
@click.option(
    "workflow",
    "--workflow",
    metavar="PATH",
    default=".gitlab-ci.yml",
    show_default=True,
    help="The pipeline's file.",
)
@_ENVIRONMENT
@_ISSUER
@_grant_options
@click.pass_obj
def gitlab(options: ServeOptions, /, issuer: str | None, **words: Any) -> None:
    """Trust the pipeline of a project on GitLab."""
    store = open_store(options)
    from trueup.features.serve.terms import GITLAB, gitlab_terms

    words["claims"] = _pairs(words["claims"])
    _told(store.add_publisher(gitlab_terms(**words, issuer=issuer or GITLAB), who=_WHO))


@add.command("oidc")
@click.option(
    "issuer", "--issuer", metavar="URL", required=True, help="As its tokens name it, to the letter."
)
@_grant_options
@click.pass_obj
def oidc(options: ServeOptions, /, issuer: str, **words: Any) -> None:
    """Trust whoever has certain claims of an OpenID Connect issuer."""
    store = open_store(options)
    from trueup.features.serve.terms import oidc_terms

    words["claims"] = _pairs(words["claims"])
    _told(store.add_publisher(oidc_terms(issuer, **words), who=_WHO))


@publisher.command("list")
@click.pass_obj
def list_publishers(options: ServeOptions) -> None:
    """Show who is trusted, and with what."""
    found = open_store(options).publishers()
    for one in found:
        _told(one)
    if not found:
        click.echo("no publisher is trusted", err=True)


@publisher.command("remove")
@click.argument("number", type=click.IntRange(1))
@click.pass_context
def remove(context: click.Context, number: int) -> None:
    """Trust a publisher no longer; tokens that it has end at once."""
    if not open_store(context.obj).remove_publisher(number, who=_WHO):
        raise NotFoundError(
            "there is no such publisher",
            found=f"`{number}`",
            hint="`trueup serve publisher list` shows their numbers",
        )
    context.exit(HOLDS)


@publisher.command("audience")
@click.argument("audience", required=False)
@click.pass_obj
def audience(options: ServeOptions, audience: str | None) -> None:
    """Show whom the tokens of a CI service must be meant for, or have it be AUDIENCE."""
    store = open_store(options)
    if audience is not None:
        if not audience.strip() or len(audience) > 256 or not audience.isprintable():
            raise UsageError("this can be no audience", expected="1 to 256 characters")
        store.set_audience(audience, who=_WHO)
    click.echo(store.audience())


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name in found:
            raise UsageError(
                "a claim is malformed or given twice",
                found=f"`{text}`",
                expected="`NAME=VALUE`, each name once",
            )
        found[name] = value
    return found


def _told(one: Publisher) -> None:
    """One line: the number, who it is, and what it may publish."""
    click.echo(f"{one.id}  {_identity(one.terms)}  ->  {_grant(one.terms)}")


def _identity(terms: Terms) -> str:
    from trueup.features.serve.terms import GITHUB, GITLAB

    parts: list[str] = [terms.kind.value]
    parts += [terms.subject[name] for name in ("repository", "workflow") if name in terms.subject]
    named = {name: terms.subject[name] for name in ("environment",) if name in terms.subject}
    parts += [
        f"{name}={value}" for name, value in {**named, **terms.claims, **terms.pinned}.items()
    ]
    if terms.issuer not in (GITHUB, GITLAB):
        parts.append(f"at {terms.issuer}")
    return " ".join(parts)


def _grant(terms: Terms) -> str:
    where = "" if terms.channels == ("main",) else f" in {', '.join(terms.channels)}"
    return f"{', '.join(terms.projects)}{where}"
