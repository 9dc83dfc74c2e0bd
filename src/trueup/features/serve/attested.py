"""Attestations that come with a file: are they about this file; who signed them is not asked.

Sources: PEP 740, "Attestation objects", "Attestation statement" and "Provenance objects"; in-toto
Statement v1.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from trueup.features.serve.receive import RefusedError
from trueup.model.artifact import OtherName, parse_filename
from trueup.sources.shown import shown
from trueup.sources.store.publishers import Kind, Terms

__all__ = ["AttestationError", "check_attestations", "provenance"]

_MOST = 16
_STATEMENT = "https://in-toto.io/Statement/v1"


class AttestationError(RefusedError):
    """Attestations that say nothing about the file that they came with."""


def check_attestations(text: str, filename: str, sha256: str) -> None:
    """Raises AttestationError if these are no attestations of that file with that digest.

    ``text`` is the form field, a JSON list. Signatures, certificates and transparency logs are not
    verified: whoever relies on attestations verifies them, and needs no index for it.
    """
    try:
        listed = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise AttestationError(f"`{filename}`: the attestations are no JSON") from error
    if not isinstance(listed, list) or not 1 <= len(listed) <= _MOST:
        raise AttestationError(
            f"`{filename}`: the attestations are no list", expected=f"1 to {_MOST} attestations"
        )
    for number, one in enumerate(listed, 1):
        try:
            _check(one, filename, sha256)
        except AttestationError as error:
            raise error.within(f"{filename}: attestation {number}") from error.__cause__


def _check(one: Any, filename: str, sha256: str) -> None:
    version = _of(one, "version", int)
    if version != 1 or isinstance(version, bool):
        raise AttestationError("`version`", found=f"`{version}`", expected="`1`")
    material = _of(one, "verification_material", dict)
    _decoded(material, "certificate")
    _of(material, "transparency_entries", list)
    envelope = _of(one, "envelope", dict)
    _decoded(envelope, "signature")
    try:
        statement = json.loads(_decoded(envelope, "statement"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise AttestationError("`statement` is no JSON") from error
    kind = _of(statement, "_type", str)
    if kind != _STATEMENT:
        raise AttestationError("`_type`", found=f"`{shown(kind)}`", expected=f"`{_STATEMENT}`")
    _of(statement, "predicateType", str)
    subjects = _of(statement, "subject", list)
    if len(subjects) != 1:
        raise AttestationError("`subject`", found=f"{len(subjects)}", expected="one file")
    name, digest = _of(subjects[0], "name", str), _of(subjects[0], "digest", dict)
    # "Attestation verification": names are compared as what they mean, they may be normalized.
    meant = parse_filename(name)
    if isinstance(meant, OtherName) or meant != parse_filename(filename):
        raise AttestationError(
            "it is about another file", found=f"`{shown(name)}`", expected=f"`{filename}`"
        )
    found = _of(digest, "sha256", str)
    if found != sha256:
        raise AttestationError(
            "it is about another content",
            found=f"sha256 `{shown(found)}`",
            expected=f"`{sha256}`",
            hint="was the file changed after it was signed?",
        )


def _of(found: Any, name: str, kind: type) -> Any:
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, kind):
        words = {dict: "an object", list: "a list", str: "a text", int: "a number"}
        raise AttestationError(f"`{name}` is missing or malformed", expected=words[kind])
    return value


def _decoded(found: Mapping[str, Any], name: str) -> bytes:
    try:
        return b64decode(_of(found, name, str), validate=True)
    except ValueError as error:
        raise AttestationError(f"`{name}` is not base64") from error


def _no_constant(name: str) -> Any:
    # Python reads `NaN` as a number; nobody else's JSON has it.
    raise ValueError(name)


def provenance(attestations: str, publisher: Terms | None) -> str:
    """The provenance object of a file: its attestations as they came, and who uploaded them.

    ``publisher`` is None for somebody with a token of their own, who is nobody to the public.
    """
    told = json.dumps(_publisher(publisher), separators=(",", ":"), sort_keys=True)
    bundle = f'{{"publisher":{told},"attestations":{attestations}}}'
    return f'{{"version":1,"attestation_bundles":[{bundle}]}}'


def _publisher(terms: Terms | None) -> dict[str, Any]:
    """PEP 740, "Provenance objects": the kind, its claims, and what else identifies it."""
    if terms is None:
        return {"kind": "token", "claims": {}}
    if terms.kind is Kind.OIDC:
        return {"kind": "OIDC", "claims": dict(terms.claims), "issuer": terms.issuer}
    names = {
        Kind.GITHUB: ("GitHub", "workflow"),
        Kind.GITLAB: ("GitLab", "workflow_filepath"),
    }
    kind, workflow = names[terms.kind]
    return {
        "kind": kind,
        "claims": {},
        "repository": terms.subject["repository"],
        workflow: terms.subject["workflow"],
        "environment": terms.subject.get("environment"),
    }
