"""Short codes with which a person claims a device. Pure: randomness is an argument.

Eight characters of Crockford's alphabet (40 bits) with five attempts and an end: short enough to
read from a label or a screen, and 1 in 2 * 10^11 to guess. Letters that look like figures are read
as such.
"""

import base64
import hashlib
import hmac

CODE_BYTES = 5
SALT_BYTES = 16
_FROM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WRITE = str.maketrans(_FROM, _TO)
_READ = str.maketrans("OIL", "011", "- ")


def code_of(random: bytes) -> str:
    """The code of five random bytes, as people see it: ``7KD2-M0QX``."""
    text = base64.b32encode(random).decode().translate(_WRITE)
    return f"{text[:4]}-{text[4:]}"


def hash_of(code: str, salt: bytes) -> bytes:
    """What is kept of a code; the same however it was typed."""
    typed = code.upper().translate(_READ)
    return hashlib.sha256(salt + typed.encode()).digest()


def is_right(code: str, salt: bytes, kept: bytes) -> bool:
    """Whether this is the code, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(hash_of(code, salt), kept)
