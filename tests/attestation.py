"""Attestations as signers write them, without a signature that is worth anything."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

__all__ = ["attestation", "statement"]


def statement(name: str, sha256: str, **changes: Any) -> dict[str, Any]:
    """What is signed: an in-toto statement about one file."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
        **changes,
    }


def attestation(path: Path, said: Any = None, **changes: Any) -> dict[str, Any]:
    """An attestation object for a file (PEP 740), or of what is ``said`` instead."""
    if said is None:
        said = statement(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    return {
        "version": 1,
        "verification_material": {
            "certificate": b64encode(b"certificate").decode(),
            "transparency_entries": [{"logIndex": "1"}],
        },
        "envelope": {
            "statement": b64encode(text).decode(),
            "signature": b64encode(b"signature").decode(),
        },
        **changes,
    }
