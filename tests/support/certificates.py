"""Certificates for tests: an authority of our own; what it signs (good, expired, of another name); self-signed."""

from __future__ import annotations

import ipaddress
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates for ``127.0.0.1`` and ``localhost``; ``client()`` is a context that trusts it alone."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder("Test authority", self.key.public_key(), 0, 3650)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    def _builder(
        self, name: str, key: ec.EllipticCurvePublicKey, begins: int, ends: int, issuer: str = "Test authority"
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key)
        builder = x509.CertificateBuilder(_name(issuer), _name(name), key, x509.random_serial_number())
        builder = builder.not_valid_before(now - DAY + begins * DAY).not_valid_after(now + ends * DAY)
        return builder.add_extension(identifier, critical=False)

    def client(self) -> ssl.SSLContext:
        """A context that verifies against this authority."""
        context = ssl.create_default_context(cadata=self.certificate.public_bytes(serialization.Encoding.PEM).decode())
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def server(self, kind: str = "good", *, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A server's context: ``good``, ``expired``, ``wrong-name`` or ``self-signed``."""
        key = ec.generate_private_key(ec.SECP256R1())
        begins, ends = (-30, -10) if kind == "expired" else (0, 30)
        by = "relay" if kind == "self-signed" else "Test authority"
        builder = self._builder("relay", key.public_key(), begins, ends, by)
        names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        if kind == "wrong-name":
            names = [x509.DNSName("mail.somewhere-else.example")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        if kind == "self-signed":
            certificate = builder.sign(key, hashes.SHA256())
        else:
            certificate = builder.add_extension(issuer, critical=False).sign(self.key, hashes.SHA256())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
            context.set_ciphers("ALL:@SECLEVEL=0")
        _load(context, certificate, key)
        return context


def _load(context: ssl.SSLContext, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    with TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()) + certificate.public_bytes(pem))
        context.load_cert_chain(path)


@cache
def authority() -> Authority:
    """One for the whole run."""
    return Authority()
