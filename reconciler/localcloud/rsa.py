"""RSA keys from a seeded source: real ones that any client can load and sign with, and the same ones by seed.

These keys protect nothing: they exist so that credential files, signatures and certificates have the form of Google's.
"""

from __future__ import annotations

import base64
import hashlib
import random
from dataclasses import dataclass

from reconciler.localcloud.values import Json

_EXPONENT = 65537
_BITS = 1024  # of each prime
_SMALL = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
_RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")


@dataclass(frozen=True)
class Key:
    """The two primes; everything else follows."""

    p: int
    q: int

    @property
    def modulus(self) -> int:
        return self.p * self.q

    @property
    def private(self) -> int:
        return pow(_EXPONENT, -1, (self.p - 1) * (self.q - 1))

    def stored(self) -> Json:
        return {"p": hex(self.p), "q": hex(self.q)}


def restored(row: Json) -> Key:
    return Key(int(row["p"], 16), int(row["q"], 16))


def made(rng: random.Random) -> Key:
    """A 2,048-bit key; takes a few tenths of a second."""
    p = _prime(rng)
    q = _prime(rng)
    while q == p:
        q = _prime(rng)
    return Key(p, q)


def _prime(rng: random.Random) -> int:
    while True:
        found = rng.getrandbits(_BITS) | (3 << (_BITS - 2)) | 1
        if all(found % small for small in _SMALL) and found % _EXPONENT != 1 and _probably_prime(found, rng):
            return found


def _probably_prime(number: int, rng: random.Random, rounds: int = 5) -> bool:
    """Miller and Rabin; at this size five rounds err less often than memory does."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(rounds):
        x = pow(rng.randrange(2, number - 1), odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


def signed(key: Key, message: bytes) -> bytes:
    """PKCS #1 v1.5 over SHA-256: what RS256 and signBlob mean."""
    digest = _SHA256 + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (256 - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded), key.private, key.modulus).to_bytes(256)


# --- files -----------------------------------------------------------------------------------------------------


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8]) + _bytes(size)
    return bytes([tag]) + head + body


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8 or 1)


def _whole(number: int) -> bytes:
    raw = _bytes(number)
    return _der(0x02, (b"\x00" if raw[0] & 0x80 else b"") + raw)


def _pem(kind: str, raw: bytes) -> str:
    text = base64.b64encode(raw).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n"


def private_pem(key: Key) -> str:
    """PKCS #8, as in Google's credential files."""
    secret = key.private
    parts = (
        0, key.modulus, _EXPONENT, secret, key.p, key.q, secret % (key.p - 1), secret % (key.q - 1),
        pow(key.q, -1, key.p),
    )  # fmt: skip
    inner = _der(0x30, *(_whole(part) for part in parts))
    return _pem("PRIVATE KEY", _der(0x30, _whole(0), _RSA, _der(0x04, inner)))


def _public(key: Key) -> bytes:
    inner = _der(0x30, _whole(key.modulus), _whole(_EXPONENT))
    return _der(0x30, _RSA, _der(0x03, b"\x00", inner))


def public_pem(key: Key) -> str:
    return _pem("PUBLIC KEY", _public(key))


def certificate_pem(key: Key, name: str, serial: int) -> str:
    """A self-signed X.509 certificate, as Google publishes for a service account's key."""
    common = _der(0x31, _der(0x30, bytes.fromhex("0603550403"), _der(0x0C, name.encode()[:64])))
    subject = _der(0x30, common)
    times = _der(0x30, _der(0x17, b"240101000000Z"), _der(0x18, b"99991231235959Z"))
    version = _der(0xA0, _whole(2))
    core = _der(0x30, version, _whole(serial), _RSA_SHA256, subject, times, subject, _public(key))
    return _pem("CERTIFICATE", _der(0x30, core, _RSA_SHA256, _der(0x03, b"\x00", signed(key, core))))
