"""Secrets of devices as mosquitto's password file carries them. Pure: randomness is an argument."""

import base64
import hashlib


def credential_hash(secret: str, salt: bytes) -> str:
    """One round of salted SHA-512 in mosquitto's own form (``$6$``, which is not crypt's).

    A secret of 256 random bits needs no slow hash: nobody can guess it, and mosquitto checks every
    connected device again when it reads its file anew.
    """
    digest = hashlib.sha512(secret.encode() + salt).digest()
    return f"$6${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
