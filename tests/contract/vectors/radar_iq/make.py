"""Writes the golden bytes of codec `radar_iq` from the text of its README.

Run alone: ``python tests/contract/vectors/radar_iq/make.py``. It uses no code of the project.
A published version never changes.
"""

import struct
from pathlib import Path

HERE = Path(__file__).parent


def crc32(data: bytes) -> int:
    value = 0xFFFFFFFF
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def write(name: str, body: bytes) -> None:
    text = (body + struct.pack(">I", crc32(body))).hex()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    (HERE / f"{name}.hex").write_text("\n".join(lines) + "\n")


def main() -> None:
    head = b"IQ\x01\x02\x18\x00" + struct.pack(">IHfff", 1_000_000, 2, 2.5, 6.0, 1.5)
    write("v1_24_bits", head + bytes.fromhex("000001 ffffff 7fffff 800000"))
    head = b"IQ\x01\x00\x10\x00" + struct.pack(">IHfff", 4_000_000, 2, 2.5, 1.0, float("nan"))
    write("v1_16_bits", head + struct.pack(">4h", 1, -1, 32767, -32768))


if __name__ == "__main__":
    main()
