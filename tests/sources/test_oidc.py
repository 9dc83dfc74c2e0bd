"""An identity counts if its issuer signed it, for us, for now; everything else is refused."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.issuer import Issuer, SigningKey, ec_key, rsa_key
from trueup.model.errors import TrueupError, UsageError
from trueup.sources.oidc import (
    Identity,
    InvalidIdentityError,
    IssuerError,
    Keys,
    UnreadableIdentityError,
    check_issuer,
    read_identity,
)


@dataclass(frozen=True)
class In:
    """A time so many seconds from when the test runs."""

    seconds: int


def moments(claims: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {
        name: now + value.seconds if isinstance(value, In) else value
        for name, value in claims.items()
    }


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> Iterator[Keys]:
    found = Keys({}, clock=clock)
    yield found
    found.close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(rsa_key("first"), ec_key("curve")) as found:
        yield found


def read(issuer: Issuer, keys: Keys, token: str) -> Identity:
    return read_identity(token, keys, issuers=[issuer.url], audience="index")


def refused(issuer: Issuer, keys: Keys, token: str) -> TrueupError:
    with pytest.raises(TrueupError) as caught:
        read(issuer, keys, token)
    return caught.value


@pytest.mark.parametrize("key", [rsa_key("first"), ec_key("curve")], ids=["RS256", "ES256"])
def test_a_true_identity(issuer: Issuer, keys: Keys, key: SigningKey) -> None:
    found = read(issuer, keys, issuer.token(key, repository="octo/lattice"))
    assert (found.issuer, found.claims["repository"]) == (issuer.url, "octo/lattice")
    assert found.expires > time.time()


FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "for somebody else": ({"aud": "other"}, "the token is meant for somebody else (`aud`)"),
    "for us and somebody else": ({"aud": ["index", "other"]}, "the token is meant for somebody"),
    "for nobody": ({"aud": None}, 'the token is malformed: Token is missing the "aud" claim'),
    "for another case": ({"aud": "Index"}, "the token is meant for somebody else (`aud`)"),
    "expired": ({"exp": In(-60)}, "the token has expired"),
    "without an end": ({"exp": None}, 'the token is malformed: Token is missing the "exp" claim'),
    "with an end that is no time": ({"exp": "soon"}, "the token is malformed: Expiration Time"),
    "with an end beyond numbers": ({"exp": 1e400}, "the token is malformed: Expiration Time"),
    "not valid yet": ({"nbf": In(300)}, "the token is not valid yet (`iat`, `nbf`)"),
    "made in the future": ({"iat": In(300)}, "the token is not valid yet (`iat`, `nbf`)"),
    "without a beginning": ({"iat": None}, 'the token is malformed: Token is missing the "iat"'),
    "with a number as its own": ({"jti": 7}, "the token is malformed: JWT ID must be a string"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_claims_that_are_wrong(issuer: Issuer, keys: Keys, forged: str) -> None:
    changes, told = FORGED[forged]
    error = refused(issuer, keys, issuer.token(**moments(changes)))
    assert isinstance(error, InvalidIdentityError)
    assert str(error).startswith(told)


@pytest.mark.parametrize("claim", ["nbf", "iat", "exp"])
def test_clocks_may_differ_a_little(issuer: Issuer, keys: Keys, claim: str) -> None:
    changes = moments({claim: In(-20 if claim == "exp" else 20)})
    assert read(issuer, keys, issuer.token(**changes)).issuer == issuer.url


def without_signature(issuer: Issuer) -> str:
    body = issuer.token().split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"first"}').decode().rstrip("=")
    return f"{header}.{body}."


def signed_with_the_public_key(issuer: Issuer) -> str:
    """The key that everybody can read, taken for a shared secret (RFC 8725, section 2.1)."""
    public = issuer.keys[0].private.public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"first"}').decode().rstrip("=")
    content = f"{header}.{issuer.token().split('.')[1]}"
    signature = hmac.new(secret, content.encode(), "sha256").digest()
    return f"{content}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def changed(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return ".".join((header, issuer.token(repository="evil/lattice").split(".")[1], signature))


ATTACKS: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "none": (without_signature, "its key is not for the algorithm that signed the token"),
    "HS256 with the public key": (
        signed_with_the_public_key,
        "its key is not for the algorithm that signed the token",
    ),
    "the body of another token": (changed, "the signature of the token is wrong"),
    "a key of the attacker's under a known number": (
        lambda issuer: issuer.token(SigningKey("first", rsa_key("other").private)),
        "the signature of the token is wrong",
    ),
    "a key of the attacker's in the header": (
        lambda issuer: issuer.token(rsa_key("other"), header={"jwk": rsa_key("other").jwk}),
        "the token is signed with a key that its issuer does not have: found `other`",
    ),
    "another algorithm for a known key": (
        lambda issuer: jwt.encode(
            moments({"iss": issuer.url, "aud": "index", "iat": In(0), "exp": In(300)}),
            rsa_key("first").private, algorithm="RS512", headers={"kid": "first"},
        ),
        "its key is not for the algorithm that signed the token",
    ),
    "no number of a key": (
        lambda issuer: issuer.token(header={"kid": None}),
        "the token does not say which key signed it (`kid`)",
    ),
    "extensions": (
        lambda issuer: issuer.token(header={"crit": ["b65"]}),
        "the token is malformed: Unsupported critical extension: b65",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_signatures_that_prove_nothing(issuer: Issuer, keys: Keys, attack: str) -> None:
    make, told = ATTACKS[attack]
    error = refused(issuer, keys, make(issuer))
    assert isinstance(error, InvalidIdentityError)
    assert str(error) == told


UNREADABLE = ["", "a.b.c", "a" * 60_000, "[" * 2000, "e30.e30.e30", f"{'.' * 50}"]


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_is_no_token(issuer: Issuer, keys: Keys, text: str) -> None:
    assert isinstance(refused(issuer, keys, text), UnreadableIdentityError)
    assert issuer.asked == []


def test_a_body_of_many_brackets(issuer: Issuer, keys: Keys) -> None:
    nested = base64.urlsafe_b64encode(b"[" * 40_000).decode().rstrip("=")
    header = issuer.token().split(".")[0]
    assert isinstance(refused(issuer, keys, f"{header}.{nested}.e30"), UnreadableIdentityError)


@pytest.mark.parametrize("change", ["{}/", "{}?", "{}#x", "{}/.well-known/..", " {}", "x{}"])
def test_an_issuer_that_looks_alike_is_not_even_asked(
    issuer: Issuer, keys: Keys, change: str
) -> None:
    error = refused(issuer, keys, issuer.token(iss=change.format(issuer.url)))
    assert isinstance(error, UnreadableIdentityError)
    assert str(error).startswith("no publisher here is trusted by the word of this issuer: found ")
    assert issuer.asked == []


# --- keys -----------------------------------------------------------------------------------------


def test_keys_are_asked_for_once(issuer: Issuer, keys: Keys, clock: Clock) -> None:
    for _ in range(3):
        read(issuer, keys, issuer.token())
        clock.now += 100
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]
    clock.now += 3600
    read(issuer, keys, issuer.token())
    assert len(issuer.asked) == 4


def test_rotated_keys(issuer: Issuer, keys: Keys, clock: Clock) -> None:
    old = issuer.token()
    read(issuer, keys, old)
    clock.now += 11
    issuer.rotate(rsa_key("second"))
    read(issuer, keys, issuer.token())
    told = "the token is signed with a key that its issuer does not have: found `first`"
    assert str(refused(issuer, keys, old)) == told


def test_unknown_keys_do_not_make_us_ask_all_the_time(
    issuer: Issuer, keys: Keys, clock: Clock
) -> None:
    for _ in range(10):
        assert isinstance(
            refused(issuer, keys, issuer.token(rsa_key("other"))), InvalidIdentityError
        )
    assert len(issuer.asked) == 2
    clock.now += 11
    refused(issuer, keys, issuer.token(rsa_key("other")))
    assert len(issuer.asked) == 4


def test_an_issuer_that_is_down(issuer: Issuer, keys: Keys, clock: Clock) -> None:
    issuer.status = 503
    token = issuer.token()
    for _ in range(3):
        error = refused(issuer, keys, token)
        assert isinstance(error, IssuerError)
        assert str(error).endswith("openid-configuration` answers with status 503")
    assert len(issuer.asked) == 1
    issuer.status = 200
    clock.now += 11
    assert read(issuer, keys, token).issuer == issuer.url


def test_what_was_known_before_it_went_down_counts_for_an_hour(
    issuer: Issuer, keys: Keys, clock: Clock
) -> None:
    token = issuer.token()
    read(issuer, keys, token)
    issuer.status = 500
    clock.now += 3000
    assert read(issuer, keys, token).issuer == issuer.url
    assert isinstance(refused(issuer, keys, issuer.token(rsa_key("other"))), IssuerError)
    assert read(issuer, keys, token).issuer == issuer.url
    clock.now += 700
    assert isinstance(refused(issuer, keys, token), IssuerError)


def test_nobody_listens(keys: Keys) -> None:
    with Issuer() as issuer:
        token = issuer.token()
    error = refused(issuer, keys, token)
    assert isinstance(error, IssuerError)
    assert str(error).startswith(f"`{issuer.url}`: `{issuer.url}/.well-known/")


@pytest.mark.parametrize("failing", ["/.well-known", "/keys"])
def test_it_is_not_followed_elsewhere(issuer: Issuer, keys: Keys, failing: str) -> None:
    with Issuer(rsa_key("other")) as elsewhere:
        issuer.status, issuer.failing, issuer.location = 302, failing, f"{elsewhere.url}/keys"
        error = refused(issuer, keys, issuer.token(rsa_key("other")))
        assert str(error).endswith("answers with status 302")
        assert elsewhere.asked == []


def weak(key: dict[str, Any], **changes: Any) -> bytes:
    changed = {name: value for name, value in {**key, **changes}.items() if value is not None}
    return json.dumps({"keys": [changed]}).encode()


FIRST = rsa_key("first").jwk
CURVE = ec_key("curve").jwk
ODD: dict[str, tuple[bytes, str]] = {
    "huge": (b" " * 600_000, "is too large or too slow, expected at most 512 KiB in 10 s"),
    "no JSON": (b"<html>", "is no JSON"),
    "a list": (b"[]", "is no JSON object"),
    "brackets": (b"[" * 400_000, "is no JSON"),
    "no keys": (b"{}", "has no list of keys, expected at most 100 in `keys`"),
    "many keys": (
        json.dumps({"keys": [FIRST] * 101}).encode(),
        "has no list of keys, expected at most 100 in `keys`",
    ),
    "none": (b'{"keys": []}', "has no key for RS256 or ES256"),
    "odd ones": (b'{"keys": [1, null, {}, {"kid": 1}]}', "has no key for RS256 or ES256"),
    "short": (weak(rsa_key("short", 1024).jwk), "has no key for RS256 or ES256"),
    "for encryption": (weak(FIRST, use="enc"), "has no key for RS256 or ES256"),
    "for other operations": (weak(FIRST, key_ops=["encrypt"]), "has no key for RS256 or ES256"),
    "with odd operations": (weak(FIRST, key_ops=7), "has no key for RS256 or ES256"),
    "for another algorithm": (weak(FIRST, alg="RS512"), "has no key for RS256 or ES256"),
    "without a number": (weak(FIRST, kid=None), "has no key for RS256 or ES256"),
    "damaged": (weak(FIRST, n="!"), "has no key for RS256 or ES256"),
    "on another curve": (weak(CURVE, crv="P-384"), "has no key for RS256 or ES256"),
    "a shared secret": (
        b'{"keys": [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}]}',
        "has no key for RS256 or ES256",
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_keys_that_are_none(issuer: Issuer, keys: Keys, odd: str) -> None:
    issuer.listed, told = ODD[odd]
    error = refused(issuer, keys, issuer.token())
    assert isinstance(error, IssuerError)
    assert str(error).endswith(told)


CONFIGURATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "of another": ({"issuer": "https://other.test"}, "found `https://other.test`"),
    "of one with a slash": ({"issuer": "http://127.0.0.1/"}, "found `http://127.0.0.1/`"),
    "without keys": ({"jwks_uri": None}, "expected an https address in `jwks_uri`"),
    "keys by http": ({"jwks_uri": "http://keys.test/"}, "expected an https address in `jwks_uri`"),
    "keys in a file": ({"jwks_uri": "file:///keys"}, "expected an https address in `jwks_uri`"),
}


@pytest.mark.parametrize("odd", CONFIGURATIONS)
def test_configurations_that_are_none(issuer: Issuer, keys: Keys, odd: str) -> None:
    issuer.configuration, told = CONFIGURATIONS[odd]
    error = refused(issuer, keys, issuer.token())
    assert isinstance(error, IssuerError)
    assert str(error).endswith(told)


def test_one_issuer_cannot_speak_for_another(issuer: Issuer, keys: Keys) -> None:
    with Issuer(rsa_key("other")) as second:
        token = second.token(iss=issuer.url)
        with pytest.raises(InvalidIdentityError):
            read_identity(token, keys, issuers=[issuer.url, second.url], audience="index")


def test_every_token_counts_once_by_what_was_signed(issuer: Issuer, keys: Keys) -> None:
    first = issuer.token(jti="one")
    assert read(issuer, keys, first).once == read(issuer, keys, issuer.token(jti="one")).once
    assert read(issuer, keys, first).once != read(issuer, keys, issuer.token(jti="two")).once
    unnamed = [read(issuer, keys, issuer.token(jti=None, sub=name)).once for name in "ab"]
    assert len({*unnamed, read(issuer, keys, first).once}) == 3


def test_an_unnamed_token_is_known_by_its_content_however_it_is_signed(
    issuer: Issuer, keys: Keys
) -> None:
    """Signatures by elliptic curves can be rewritten by anybody, and stay true."""
    token = issuer.token(ec_key("curve"), jti=None)
    content, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    mirrored = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    other = f"{content}.{base64.urlsafe_b64encode(mirrored).decode().rstrip('=')}"
    assert other != token
    assert read(issuer, keys, other).once == read(issuer, keys, token).once


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://token.actions.githubusercontent.com", True),
        ("https://ci.test/realms/one/", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://ci.test", False),
        ("ftp://ci.test", False),
        ("ci.test", False),
        ("https://", False),
        ("https://me@ci.test", False),
        ("https://ci.test/?a=1", False),
        ("https://ci.test/#a", False),
        ("https://ci.test/ ", False),
        ("https://cí.test", False),
        ("https://ci.test:x", False),
    ],
)
def test_what_can_be_an_issuer(url: str, right: bool) -> None:
    if right:
        assert check_issuer(url) == url
    else:
        with pytest.raises(UsageError):
            check_issuer(url)
