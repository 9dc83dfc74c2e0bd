"""TLS before a server that speaks HTTP, with certificates made a moment ago.

with secured("http://127.0.0.1:8600", tmp_path) as (url, authority):
    …                                    # `url` is https; whoever trusts the file `authority` gets in
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["make_certificates", "secured"]


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """A certificate authority, and a certificate with its key for 127.0.0.1 that it signed.

    Two, because strict clients take no certificate that signed itself for that of a server.
    """
    start, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=1)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("ca", "here")]
    made = []
    for number, (key, name) in enumerate(zip(keys, names, strict=True)):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
        )
        if number == 1:
            here = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
            builder = builder.add_extension(here, critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    authority, certificate = folder / "authority.pem", folder / "certificate.pem"
    authority.write_bytes(made[0])
    certificate.write_bytes(made[1] + private)
    return authority, certificate


@contextmanager
def secured(url: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The https address of a server that speaks HTTP at ``url``, and the authority to be trusted."""
    authority, certificate = make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    parts = urlsplit(url)
    behind = (parts.hostname or "", parts.port or 80)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, context, behind), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", authority
        # A blocked `accept` does not notice that its socket is closed, but does that it is shut.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)


def _accept(listener: socket.socket, context: ssl.SSLContext, behind: tuple[str, int]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_carry, args=(client, context, behind), daemon=True).start()


def _carry(raw: socket.socket, context: ssl.SSLContext, behind: tuple[str, int]) -> None:
    """Bytes in both directions, until one side has no more."""
    with (
        suppress(OSError),
        raw,
        context.wrap_socket(raw, server_side=True) as client,
        socket.create_connection(behind) as server,
        selectors.DefaultSelector() as ready,
    ):
        ready.register(client, selectors.EVENT_READ)
        ready.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                of_client = key.fileobj is client
                data = (client if of_client else server).recv(65536)
                # What TLS has read from its socket already makes the socket ready no more.
                while of_client and client.pending():
                    data += client.recv(65536)
                if not data:
                    return
                (server if of_client else client).sendall(data)
