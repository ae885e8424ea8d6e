"""CRC-32C (Castagnoli, RFC 3720), the checksum of Secret Manager payloads and Cloud Storage objects."""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78


def _row(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = [_row(byte) for byte in range(256)]

try:
    from google_crc32c import value as _fast
except ImportError:  # it comes with google-cloud-storage; uploads are slower without it
    _fast = None


def of(content: bytes) -> int:
    """The checksum as an unsigned 32-bit number."""
    if _fast is not None:
        return int(_fast(content))
    value = 0xFFFFFFFF
    for byte in content:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
