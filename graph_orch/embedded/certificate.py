"""The certificate by which an embedded server proves that it is ours.

A process that takes the server's port, before its start or after a crash, does not have the key.
TLS fails before the client sends its password, so that process learns nothing. Each data directory
has one self-signed certificate, and its clients trust no other.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from ipaddress import ip_address

from graph_orch.embedded.state import LOOPBACK, DataDirectory
from graph_orch.files import write_private

VALID = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
"""Any time that a clock may show: clients trust the certificate because it is this very one."""


def have_certificate(data: DataDirectory) -> None:
    """Make a key and its certificate unless the directory has both."""
    if data.certificate_path.exists() and data.key_path.exists():
        return
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "graph-orch")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), *VALID)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(data.key_path, pem.decode())
    write_private(data.certificate_path, certificate.public_bytes(Encoding.PEM).decode())


def trusting(data: DataDirectory) -> ssl.SSLContext:
    """A TLS context that trusts the directory's server and nobody else.

    Raises:
        FileNotFoundError: The directory has no certificate.
    """
    return ssl.create_default_context(cafile=data.certificate_path)
