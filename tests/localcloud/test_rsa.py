"""The keys are real: a library that nobody here wrote reads them and checks their signatures."""

from __future__ import annotations

import random

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa as library

from reconciler.localcloud import rsa


def test_a_strangers_library_loads_the_key_and_verifies_what_it_signs() -> None:
    key = rsa.made(random.Random(7))
    private = serialization.load_pem_private_key(rsa.private_pem(key).encode(), None)
    assert private.key_size == 2048  # type: ignore[union-attr]
    public = serialization.load_pem_public_key(rsa.public_pem(key).encode())
    certificate = x509.load_pem_x509_certificate(rsa.certificate_pem(key, "115", 9).encode())
    for reader in (public, certificate.public_key()):
        assert isinstance(reader, library.RSAPublicKey)
        reader.verify(rsa.signed(key, b"what is signed"), b"what is signed", padding.PKCS1v15(), hashes.SHA256())
    assert rsa.restored(key.stored()) == key
