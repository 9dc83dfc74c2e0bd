"""Attestations are taken if they are about the file that they came with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.attestation import attestation, statement
from trueup.features.serve.attested import AttestationError, check_attestations, provenance
from trueup.features.serve.terms import github_terms, gitlab_terms, oidc_terms
from trueup.sources.store.publishers import Terms

WHEEL, SHA = "demo_pkg-1.0-py2.py3-none-any.whl", "a" * 64
FILE = Path(WHEEL)
RIGHT = statement(WHEEL, SHA)
LATTICE: dict[str, Any] = {"projects": ["lattice"], "channels": ["main"]}


def said(**changes: Any) -> dict[str, Any]:
    return attestation(FILE, {**RIGHT, **changes})


def about(name: Any = WHEEL, digest: Any = None) -> dict[str, Any]:
    return said(subject=[{"name": name, "digest": {"sha256": SHA} if digest is None else digest}])


@pytest.mark.parametrize(
    "listed",
    [
        [said()],
        [said(), said(predicateType="https://index.test/publish/v1")],
        [about("Demo.Pkg-1.0-py3.py2-none-any.whl")],
        [about(digest={"sha256": SHA, "sha512": "b" * 128})],
        [attestation(FILE, RIGHT, more={"timestamps": []})],
    ],
    ids=range(5),
)
def test_about_this_file(listed: list[Any]) -> None:
    check_attestations(json.dumps(listed), WHEEL, SHA)


LISTS: dict[str, tuple[str, str]] = {
    "no JSON": ("[", "are no JSON"),
    "deep": ("[" * 100_000, "are no JSON"),
    "not a number": ("[NaN]", "are no JSON"),
    "an object": ("{}", "are no list, expected 1 to 16 attestations"),
    "none": ("[]", "are no list, expected 1 to 16 attestations"),
    "many": (json.dumps([1] * 17), "are no list, expected 1 to 16 attestations"),
}


@pytest.mark.parametrize("case", LISTS)
def test_no_list_of_attestations(case: str) -> None:
    text, told = LISTS[case]
    with pytest.raises(AttestationError) as caught:
        check_attestations(text, WHEEL, SHA)
    assert str(caught.value) == f"`{WHEEL}`: the attestations {told}"
    assert caught.value.status == 400


def without(name: str, of: str | None = None) -> dict[str, Any]:
    found = said()
    del (found if of is None else found[of])[name]
    return found


def envelope(**changes: Any) -> dict[str, Any]:
    return attestation(FILE, RIGHT, envelope={**said()["envelope"], **changes})


ODD: dict[str, tuple[Any, str]] = {
    "a number": (1, "`version` is missing or malformed, expected a number"),
    "no version": (without("version"), "`version` is missing or malformed, expected a number"),
    "another version": (
        attestation(FILE, RIGHT, version=2),
        "`version`: found `2`, expected `1`",
    ),
    "truth": (attestation(FILE, RIGHT, version=True), "`version`: found `True`, expected `1`"),
    "no material": (
        without("verification_material"),
        "`verification_material` is missing or malformed, expected an object",
    ),
    "no certificate": (
        without("certificate", "verification_material"),
        "`certificate` is missing or malformed, expected a text",
    ),
    "no log": (
        without("transparency_entries", "verification_material"),
        "`transparency_entries` is missing or malformed, expected a list",
    ),
    "no envelope": (
        without("envelope"), "`envelope` is missing or malformed, expected an object"
    ),
    "no signature": (
        without("signature", "envelope"), "`signature` is missing or malformed, expected a text"
    ),
    "a signature in clear": (envelope(signature="!"), "`signature` is not base64"),
    "letters that are none": (envelope(signature="\u00e9"), "`signature` is not base64"),
    "a statement in clear": (envelope(statement="{}"), "`statement` is not base64"),
    "a statement that is no JSON": (attestation(FILE, b"\xff"), "`statement` is no JSON"),
    "a deep statement": (attestation(FILE, b"[" * 100_000), "`statement` is no JSON"),
    "a statement of nothing": (
        attestation(FILE, b"7"), "`_type` is missing or malformed, expected a text"
    ),
    "another statement": (
        said(_type="https://in-toto.io/Statement/v0.1"),
        "`_type`: found `https://in-toto.io/Statement/v0.1`, "
        "expected `https://in-toto.io/Statement/v1`",
    ),
    "no predicate": (
        said(predicateType=None), "`predicateType` is missing or malformed, expected a text"
    ),
    "no subject": (said(subject=[]), "`subject`: found 0, expected one file"),
    "two subjects": (
        said(subject=[*RIGHT["subject"], *RIGHT["subject"]]),
        "`subject`: found 2, expected one file",
    ),
    "a subject without a name": (
        said(subject=[{"digest": {}}]), "`name` is missing or malformed, expected a text"
    ),
    "another file": (
        about("demo_pkg-1.1-py2.py3-none-any.whl"),
        f"it is about another file: found `demo_pkg-1.1-py2.py3-none-any.whl`, expected `{WHEEL}`",
    ),
    "another build of it": (
        about("demo_pkg-1.0-1-py2.py3-none-any.whl"),
        "it is about another file: found `demo_pkg-1.0-1-py2.py3-none-any.whl`, "
        f"expected `{WHEEL}`",
    ),
    "the sdist": (
        about("demo_pkg-1.0.tar.gz"),
        f"it is about another file: found `demo_pkg-1.0.tar.gz`, expected `{WHEEL}`",
    ),
    "no file": (
        about("a\x1b[2J"),
        f"it is about another file: found `a\\x1b[2J`, expected `{WHEEL}`",
    ),
    "another content": (
        about(digest={"sha256": "b" * 64}),
        f"it is about another content: found sha256 `{'b' * 64}`, expected `{SHA}`",
    ),
    "the digest in capitals": (
        about(digest={"sha256": "A" * 64}),
        f"it is about another content: found sha256 `{'A' * 64}`, expected `{SHA}`",
    ),
    "no digest": (
        about(digest={"md5": "a"}), "`sha256` is missing or malformed, expected a text"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_about_something_else(case: str) -> None:
    one, told = ODD[case]
    with pytest.raises(AttestationError) as caught:
        check_attestations(json.dumps([said(), one]), WHEEL, SHA)
    assert str(caught.value) == f"`{WHEEL}: attestation 2`: {told}"


@pytest.mark.parametrize(
    ("terms", "publisher"),
    [
        (None, {"kind": "token", "claims": {}}),
        (
            github_terms("octo/lattice", "release.yml", environment="release", **LATTICE),
            {"kind": "GitHub", "claims": {}, "repository": "octo/lattice",
             "workflow": "release.yml", "environment": "release"},
        ),
        (
            gitlab_terms("group/lattice", **LATTICE),
            {"kind": "GitLab", "claims": {}, "repository": "group/lattice",
             "workflow_filepath": ".gitlab-ci.yml", "environment": None},
        ),
        (
            oidc_terms("https://ci.test", {"sub": "x"}, **LATTICE),
            {"kind": "OIDC", "claims": {"sub": "x"}, "issuer": "https://ci.test"},
        ),
    ],
)  # fmt: skip
def test_provenance_has_them_as_they_came(
    terms: Terms | None, publisher: dict[str, object]
) -> None:
    text = '[ {"version": 1.0e0 ,\n"x":"\\u00e9"} ]'
    document = provenance(text, terms)
    assert text in document
    assert json.loads(document) == {
        "version": 1,
        "attestation_bundles": [{"publisher": publisher, "attestations": json.loads(text)}],
    }
