"""The local cloud's own certificate authority: what lets a client speak TLS to a Google host name and reach us.

Whoever trusts it trusts little: its name constraints allow Google's API names and this machine only, its key never
leaves the state folder, and each state folder has another one.
"""

from __future__ import annotations

import ssl
from collections import OrderedDict
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Valid whatever a clock says: tests move it, and a simulated year may be any.
_FROM, _UNTIL = datetime(2001, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)
_WILD = "*.googleapis.com"
_NAMES = ("googleapis.com", "localhost")
_NETWORKS = ("127.0.0.0/8", "::1/128")
_CONTEXTS = 256
Key = ec.EllipticCurvePrivateKey


class Authority:
    """`folder` keeps `ca.pem`, which clients trust, and `ca-key.pem`; both are made when one of them is missing."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ca.pem"
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key, self._certificate = self._kept() or self._made()
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()

    def context(self, host: str) -> ssl.SSLContext:
        """TLS for a server of that name. A wildcard stands for one label, so deeper names get a certificate each."""
        name = _WILD if host.partition(".")[2] == _NAMES[0] else host
        found = self._contexts.get(name)
        if found is None:
            found = self._contexts[name] = self._context(name)
            while len(self._contexts) > _CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(name)
        return found

    def _kept(self) -> tuple[Key, x509.Certificate] | None:
        try:
            key = serialization.load_pem_private_key((self._folder / "ca-key.pem").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(self.file.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(key, Key) or certificate.public_key() != key.public_key():
            return None
        return key, certificate

    def _made(self) -> tuple[Key, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("AIPress local cloud")
        permitted: list[x509.GeneralName] = [x509.DNSName(allowed) for allowed in _NAMES]
        permitted += [x509.IPAddress(ip_network(allowed)) for allowed in _NETWORKS]
        uses = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        certificate = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(uses, critical=True)
            .add_extension(x509.NameConstraints(permitted, None), critical=True)
            .sign(key, hashes.SHA256())
        )
        write_secret(self._folder / "ca-key.pem", _pem(key))
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return key, certificate

    def _context(self, name: str) -> ssl.SSLContext:
        leaf = (
            _builder(_name("localcloud"), self._certificate.subject, self._leaf_key, self._key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A client that offers both gets HTTP/1.1; only gRPC clients insist on HTTP/2.
        context.set_alpn_protocols(["http/1.1", "h2"])
        # OpenSSL reads files only.
        file = self._folder / "leaf.pem"
        write_secret(file, _pem(self._leaf_key) + leaf.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(file)
        file.unlink()
        return context


def write_secret(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(file)


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, signer: Key | None = None) -> x509.CertificateBuilder:
    public = (signer or key).public_key()
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), _FROM, _UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: Key) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())
