"""Writes the golden bytes of codec `chipox` from the text of its README.

Run alone: ``python tests/contract/vectors/chipox/make.py``. It uses no code of the project, and
computes the checksum bit by bit. A published version never changes.
"""

import struct
from pathlib import Path

HERE = Path(__file__).parent


def crc16(data: bytes) -> int:
    value = 0xFFFF
    for octet in data:
        value ^= octet << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
    return value


def packet(what: int, value: bytes) -> bytes:
    body = bytes([127, what]) + value
    body += struct.pack(">H", crc16(body))
    out = b""
    for octet in body:
        out += bytes([0xA9, octet ^ 0x20]) if octet in {0xA8, 0xA9} else bytes([octet])
    return b"\xa8" + out + b"\xa8"


def main() -> None:
    assert crc16(b"123456789") == 0x29B1, "the check value of CRC-16 of 0x1021 from 0xFFFF"
    data = (
        packet(0x01, bytes([98]))
        + packet(0x02, struct.pack(">H", 0x00A8))
        + packet(0x08, struct.pack(">H", 0x0086))
        + packet(0x51, bytes([0, 127, 0xA8, 0xA9, 255]))
        + packet(0x72, b"")
    )
    text = data.hex()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    (HERE / "v1.hex").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
