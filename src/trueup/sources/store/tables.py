"""The tables. Times are seconds since 1970, digests are sha256 in hexadecimal."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

__all__ = ["ATTESTATIONS", "AUDIENCE", "AUDIT", "DERIVED", "DISCARDED", "FILES", "GENERATION",
           "IDENTITIES", "LEASES", "METADATA", "MINTED", "NAMES", "OUTCOMES", "PAGES", "PROOFS",
           "PUBLISHERS", "PUBLISHING", "RELEASES", "REMOTE", "REMOTE_FILES", "SESSIONS",
           "SESSION_FILES", "SIDECARS", "TOKENS"]  # fmt: skip

METADATA = MetaData()
_Bytes = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's integers have 64 bits whatever they are called."""

RELEASES = Table(
    "release",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("project", String(256), nullable=False),
    Column("version", String(256), nullable=False),
    Column("state", String(16), nullable=False),
    Column("closed", Boolean, nullable=False, default=False),
    Column("touched", Float, nullable=False),
    Column("published", Float),
    Column("expected", Text),
    Column("verdict", Text),
    UniqueConstraint("channel", "project", "version"),
)
"""``state`` is staged, quarantined or published; ``expected`` a JSON list of file names, after the
last of which the release is published; ``verdict`` what was last judged, as JSON."""

FILES = Table(
    "file",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("release", ForeignKey("release.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("channel", String(64), nullable=False),
    Column("filename", String(512), nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("size", _Bytes, nullable=False),
    Column("core_metadata", LargeBinary),
    Column("requires_python", Text),
    Column("yanked", Text),
    Column("uploaded", Float, nullable=False),
    Column("uploader", String(256), nullable=False),
    UniqueConstraint("channel", "filename"),
)
"""``core_metadata`` are the bytes of METADATA in a wheel, None for an sdist; ``yanked`` the reason,
possibly empty, None where the file is not yanked."""

PAGES = Table(
    "page",
    METADATA,
    Column("view", String(160), primary_key=True),
    Column("project", String(256), primary_key=True),
    Column("form", String(8), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Column("etag", String(72), nullable=False),
    Column("made", Float, nullable=False),
    Column("stale", Boolean, nullable=False, default=False),
    Column("until", Float),
    Column("said", Text),
)
"""Rendered pages: ``form`` is json or html, ``packed`` the body as gzip; ``stale`` says that the
upstream index did not answer when it was made. ``until`` is when more will be known (None: nothing
is being looked into), ``said`` a JSON object of headers to be sent with it."""

OUTCOMES = Table(
    "outcome",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("project", String(256), nullable=False, index=True),
    Column("version", String(256), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("made", Float, nullable=False),
)
"""What became of a release in a view. ``key`` is a digest of all that it rests on: the files, and
what the view does."""

REMOTE = Table(
    "remote",
    METADATA,
    Column("project", String(256), primary_key=True),
    Column("listing", LargeBinary, nullable=False),
    Column("fetched", Float, nullable=False),
)
"""The last good listing of an upstream project."""

REMOTE_FILES = Table(
    "remote_file",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("filename", String(512), nullable=False),
    Column("url", Text, nullable=False),
    Column("size", _Bytes),
    Column("core_metadata", String(64)),
)
"""Where a file of an upstream index is. ``core_metadata`` is the sha256 of its sidecar, empty where
a sidecar is advertised without one, None where none is."""

SIDECARS = Table(
    "sidecar",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""The sidecars of an upstream index that somebody asked for, by their own digest."""

NAMES = Table(
    "served_name",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("filename", String(512), primary_key=True),
)
"""The names under which pages listed a file that was not uploaded here. Two files may have the same
bytes, and whoever locked one of them asks for its name."""

DERIVED = Table(
    "derived",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("original", String(64), nullable=False, index=True),
    Column("filename", String(512), nullable=False),
    Column("size", _Bytes, nullable=False),
    Column("recipe", LargeBinary, nullable=False),
    Column("core_metadata", LargeBinary, nullable=False),
    Column("made", Float, nullable=False),
)
"""Wheels with other metadata, as recipes over the original's bytes."""

TOKENS = Table(
    "token",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(256), nullable=False),
    Column("scope", Text, nullable=False),
    Column("made", Float, nullable=False),
    Column("expires", Float),
    sqlite_autoincrement=True,
)
"""A number is never given out again: who revokes one means the token that had it in a list."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", String(256), nullable=False),
    Column("action", String(32), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("project", String(256), nullable=False),
    Column("version", String(256), nullable=False),
    Column("filename", String(512)),
    Column("detail", Text),
    Index("audit_project", "project", "version"),
)

GENERATION = Table(
    "generation",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
)
"""One row, whose number grows with every change that readers can see: other workers ask for it."""

LEASES = Table(
    "lease",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("holder", String(128), nullable=False),
    Column("until", Float, nullable=False),
)
"""Which worker does what one of them does for all."""

SESSIONS = Table(
    "session",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("token", ForeignKey("token.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("made", Float, nullable=False),
    Column("expires", Float, nullable=False),
)
"""Browsers in which somebody logged in with a token."""

PUBLISHERS = Table(
    "publisher",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("issuer", String(512), nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("claims", Text, nullable=False),
    Column("pinned", Text, nullable=False),
    Column("projects", Text, nullable=False),
    Column("channels", Text, nullable=False),
    Column("made", Float, nullable=False),
    sqlite_autoincrement=True,
)
"""Who may exchange identities for tokens; ``subject``, ``claims`` and ``pinned`` are JSON objects
of texts, ``projects`` and ``channels`` JSON lists. Numbers stand in the audit log, and are never
given out again."""

MINTED = Table(
    "minted",
    METADATA,
    Column("token", ForeignKey("token.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "publisher", ForeignKey("publisher.id", ondelete="CASCADE"), primary_key=True, index=True
    ),
)
"""Which tokens were made for publishers."""

IDENTITIES = Table(
    "identity",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("until", Float, nullable=False),
)
"""Identities that were exchanged, until they have expired: each counts once."""

AUDIENCE = Table(
    "audience",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("audience", String(512), nullable=False),
)
"""One row: whom identities must be meant for."""

PUBLISHING = Table(
    "publishing_session",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("project", String(256), nullable=False),
    Column("version", String(256), nullable=False),
    Column("state", String(16), nullable=False),
    Column("stage", String(64), nullable=False, unique=True),
    Column("who", String(256), nullable=False),
    Column("made", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("ended", Float),
    Column("why", Text),
    Index(
        "publishing_session_open",
        "channel",
        "project",
        "version",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)
"""Publishing sessions (PEP 694), of which a release has one at a time; ``state`` is open, published or
canceled, ``stage`` the secret in the address of what is staged, ``why`` the reason of an end that
nobody asked for."""

SESSION_FILES = Table(
    "session_file",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column(
        "session",
        ForeignKey("publishing_session.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("channel", String(64), nullable=False),
    Column("filename", String(512), nullable=False),
    Column("size", _Bytes, nullable=False),
    Column("hashes", Text, nullable=False),
    Column("said", Text),
    Column("sha256", String(64), index=True),
    Column("state", String(16), nullable=False),
    Column("notices", Text, nullable=False),
    Column("attested", Text),
    UniqueConstraint("session", "filename"),
    Index("session_file_name", "channel", "filename"),
)
"""Files of publishing sessions: their names are taken. ``said`` is the METADATA that came before the
file, ``sha256`` what came, ``attested`` its provenance object, ``state`` pending, completed or error;
completed ones are in ``file``."""

DISCARDED = Table(
    "discarded",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("at", Float, nullable=False),
)
"""Contents that were given up, and when: what nothing needs is removed some time later."""

ATTESTATIONS = Table(
    "attestation",
    METADATA,
    Column("channel", String(64), primary_key=True),
    Column("filename", String(512), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("provenance", Text, nullable=False),
    Column("made", Float, nullable=False),
)
"""Provenance objects (PEP 740) of files that are in ``file``, or on their way there."""

PROOFS = Table(
    "proof",
    METADATA,
    Column("channel", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("record", LargeBinary, nullable=False),
    Column("who", String(256), nullable=False),
    Column("made", Float, nullable=False),
)
"""Records of proofs (`trueup prove`), by the digest of the sdist that they are about."""
