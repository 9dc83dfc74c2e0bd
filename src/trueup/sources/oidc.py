"""Identity tokens of CI services: the keys of those who issue them, and what a token proves.

Sources: OpenID Connect Core 1.0, section 2 (claims), Discovery 1.0, sections 3 and 4 (where keys
are), RFC 7515 and 7517 (signatures, keys), RFC 8725 (what to refuse).
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jwt

from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.sources.shown import shown
from trueup.sources.transport import HttpSettings, new_client

if TYPE_CHECKING:
    import httpx2
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    PublicKey = RSAPublicKey | EllipticCurvePublicKey

__all__ = [
    "Identity",
    "InvalidIdentityError",
    "IssuerError",
    "Keys",
    "UnreadableIdentityError",
    "check_issuer",
    "read_identity",
]

LEEWAY = 30
"""Seconds that two clocks may differ by."""

_LARGEST = 512 * 1024
"""Bytes; real documents have some kilobytes."""
_MOST_KEYS = 100
_AGE = 3600.0
"""Seconds for which keys are believed: so long a key that an issuer took back can still sign."""
_PAUSE = 10.0
"""Seconds between two questions to an issuer: a token with an unknown key makes us ask."""
_TIMEOUT = 5.0
_LONGEST = 10.0
"""Seconds that one document may take."""
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class UnreadableIdentityError(TrueupError):
    """Something was sent that is no token, or one of an issuer that nothing is expected from."""


class InvalidIdentityError(TrueupError):
    """A token that proves nothing: forged, expired, or meant for somebody else."""


class IssuerError(SourceError):
    """An issuer does not tell its keys; later it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a token proves: its claims, signed by the issuer.

    ``once`` is a digest that no other token has, ``expires`` in seconds since 1970.
    """

    issuer: str
    claims: Mapping[str, Any]
    once: str
    expires: float


@dataclass(frozen=True, slots=True)
class _Key:
    algorithm: str
    key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The last answer of an issuer; ``error`` says why there was none when it was asked last."""

    keys: Mapping[str, _Key]
    fetched: float
    asked: float
    error: IssuerError | None = None


class Keys:
    """The signing keys of issuers, fetched when they are needed; from any thread.

    Where they are is asked at `/.well-known/openid-configuration`. Nothing is followed elsewhere,
    nothing beyond a limit is read, and one issuer is asked once in ten seconds at most. ``environ``
    names certificate authorities and proxies, ``clock`` counts seconds.
    """

    def __init__(
        self, environ: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._environ = environ
        self._clock = clock
        self._client: httpx2.Client | None = None
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def find(self, issuer: str, number: str) -> _Key:
        """The key of that number (`kid`); raises IssuerError, InvalidIdentityError if there is none."""
        with self._lock:
            lock = self._locks[issuer]
        with lock:
            kept, now = self._kept.get(issuer), self._clock()
            known = None if kept is None or now - kept.fetched > _AGE else kept.keys.get(number)
            if known is not None:
                return known
            if kept is None or now - kept.asked > _PAUSE:
                kept = self._kept[issuer] = self._ask(issuer, kept, now)
        if kept.error is not None:
            raise copy(kept.error)
        if number not in kept.keys:
            raise InvalidIdentityError(
                "the token is signed with a key that its issuer does not have",
                found=f"`{shown(number)}`",
            )
        return kept.keys[number]

    def _ask(self, issuer: str, before: _Kept | None, now: float) -> _Kept:
        try:
            return _Kept(keys=self._fetch(issuer), fetched=now, asked=now)
        except IssuerError as error:
            known = {} if before is None else before.keys
            since = -_AGE if before is None else before.fetched
            return _Kept(keys=known, fetched=since, asked=now, error=error.within(issuer))

    def _fetch(self, issuer: str) -> Mapping[str, _Key]:
        # Discovery 1.0, section 4: a slash at the end of the issuer is removed, and what the
        # document calls itself must be the issuer, to the letter.
        document = self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise IssuerError(
                "its configuration is that of another issuer",
                found=f"`{shown(str(document.get('issuer')))}`",
            )
        address = document.get("jwks_uri")
        if not isinstance(address, str) or not _is_safe(address):
            raise IssuerError(
                "its configuration does not say where its keys are",
                found=f"`{shown(str(address))}`",
                expected="an https address in `jwks_uri`",
            )
        listed = self._document(address).get("keys")
        if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
            raise IssuerError("has no list of keys", expected=f"at most {_MOST_KEYS} in `keys`")
        keys: dict[str, _Key] = {}
        for one in listed:
            key = _usable(one)
            if key is not None:
                keys.setdefault(one["kid"], key)
        if not keys:
            raise IssuerError("has no key for RS256 or ES256")
        return keys

    def _document(self, url: str) -> Mapping[str, Any]:
        import httpx2

        parts, size = [], 0
        until = time.monotonic() + _LONGEST
        try:
            with self._http().stream("GET", url) as answer:
                if answer.status_code != 200:
                    # A redirect as well: keys are where the issuer says, and nowhere else.
                    raise IssuerError(f"`{url}` answers with status {answer.status_code}")
                for part in answer.iter_raw():
                    size += len(part)
                    if size > _LARGEST or time.monotonic() > until:
                        raise IssuerError(
                            f"`{url}` is too large or too slow",
                            expected=f"at most {_LARGEST // 1024} KiB in {_LONGEST:g} s",
                        )
                    parts.append(part)
            document = json.loads(b"".join(parts))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise IssuerError(f"`{url}` does not answer", found=str(error) or None) from error
        except (ValueError, RecursionError) as error:
            raise IssuerError(f"`{url}` is no JSON") from error
        if not isinstance(document, dict):
            raise IssuerError(f"`{url}` is no JSON object")
        return document

    def _http(self) -> httpx2.Client:
        with self._lock:
            if self._client is None:
                settings = HttpSettings(timeout=_TIMEOUT, connect_timeout=_TIMEOUT)
                try:
                    self._client = new_client(settings, self._environ, insecure=False)
                except SourceError as error:
                    raise IssuerError(error.what, found=error.found, hint=error.hint) from error
            return self._client

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


def _usable(found: Any) -> _Key | None:
    """A key that may sign (RFC 7517, section 4), with the one algorithm that it is used with."""
    if not isinstance(found, dict) or not isinstance(found.get("kid"), str):
        return None
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(found.get("kty")))
    if algorithm is None or found.get("alg", algorithm) != algorithm:
        return None
    uses = found.get("key_ops", ["verify"])
    if found.get("use", "sig") != "sig" or not isinstance(uses, list) or "verify" not in uses:
        return None
    try:
        key = jwt.PyJWK(found, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    # NIST SP 800-131A: RSA has 2048 bits and more; the upper bound is what checking may cost.
    right = 2048 <= key.key_size <= 8192 if algorithm == "RS256" else key.curve.name == "secp256r1"
    return _Key(algorithm, key) if right else None


def read_identity(text: str, keys: Keys, *, issuers: Collection[str], audience: str) -> Identity:
    """What a token proves that one of ``issuers`` made for ``audience``.

    Nothing is asked of any other issuer, and nothing that the token says about its keys is believed
    but their number. Raises UnreadableIdentityError, InvalidIdentityError, IssuerError.
    """
    header, claims = _unverified(text)
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in issuers:
        raise UnreadableIdentityError(
            "no publisher here is trusted by the word of this issuer",
            found=f"`{shown(str(issuer))}`",
        )
    number = header.get("kid")
    if not isinstance(number, str):
        raise InvalidIdentityError("the token does not say which key signed it (`kid`)")
    key = keys.find(issuer, number)
    try:
        signed: dict[str, Any] = jwt.decode(
            text,
            key=key.key,
            algorithms=[key.algorithm],
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["iss", "iat", "exp", "aud"], "strict_aud": True},
        )
        expires = float(int(signed["exp"]))
    except (jwt.PyJWTError, ValueError, OverflowError) as error:
        raise InvalidIdentityError(_why(error), hint=_advice(error)) from error
    once = signed.get("jti") or text.rpartition(".")[0]
    return Identity(
        issuer=issuer,
        claims=signed,
        once=hashlib.sha256(json.dumps([issuer, once]).encode()).hexdigest(),
        expires=expires,
    )


def _unverified(text: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims, for finding the key; nobody has vouched for them yet."""
    try:
        found = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.DecodeError, ValueError, RecursionError) as error:
        raise UnreadableIdentityError("what was sent is no JSON Web Token") from error
    except jwt.InvalidTokenError as error:
        raise InvalidIdentityError(_why(error)) from error
    # RFC 7515, section 4.1.11: an extension that is not understood makes the token invalid.
    if "crit" in found["header"]:
        raise InvalidIdentityError("the token wants extensions that are unknown here (`crit`)")
    return found["header"], found["payload"]


def _why(error: Exception) -> str:
    """What is wrong with a token, in words of ours."""
    said: list[tuple[type[Exception], str]] = [
        (jwt.ExpiredSignatureError, "the token has expired"),
        (jwt.ImmatureSignatureError, "the token is not valid yet (`iat`, `nbf`)"),
        (jwt.InvalidAudienceError, "the token is meant for somebody else (`aud`)"),
        (jwt.InvalidSignatureError, "the signature of the token is wrong"),
        (jwt.InvalidAlgorithmError, "its key is not for the algorithm that signed the token"),
    ]
    for kind, words in said:
        if isinstance(error, kind):
            return words
    return f"the token is malformed: {error}"


def _advice(error: Exception) -> str | None:
    if isinstance(error, jwt.InvalidAudienceError):
        return "ask for one with the audience that `/_/oidc/audience` tells, and no other"
    if isinstance(error, jwt.ExpiredSignatureError | jwt.ImmatureSignatureError):
        return f"the clocks may differ by {LEEWAY} s"
    return None


def check_issuer(url: str) -> str:
    """An issuer as its tokens must name it, to the letter; raises UsageError for what cannot be one.

    Discovery 1.0, section 3: https, without query and fragment. On this machine http will do.
    """
    parts = urlsplit(url) if _is_safe(url) else None
    if parts is None or parts.query or parts.fragment:
        raise UsageError(
            "this is no address of an issuer",
            found=f"`{shown(url)}`",
            expected="an https address without user name, query and fragment",
        )
    return url


def _is_safe(url: str) -> bool:
    """Whether what an address answers can be believed to come from there."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isascii() or any(c <= " " for c in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
