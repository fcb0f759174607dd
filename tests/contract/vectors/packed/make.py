"""Writes the golden bytes of codec `packed` from the text of the interface.

Run alone: ``python tests/contract/vectors/packed/make.py``. It uses no code of the project, and
computes the checksum and the delta-varint bit by bit. A published version never changes.
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


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def zigzag(difference: int) -> int:
    return 2 * difference if difference >= 0 else -2 * difference - 1


def head(flags: int, boot: int, n: int, t: int, count: int) -> bytes:
    return b"VW" + struct.pack("<BBIIqB", 1, flags, boot, n, t, count)


def frame(  # noqa: PLR0917 - in the order of the format
    stream: int, place: int, channels: int, samples: int, interval: int, dt: int, layout: int,
    scale: float, offset: float, data: bytes,
) -> bytes:  # fmt: skip
    fields = struct.pack("<BBBHQi", stream, place, channels, samples, interval, dt)
    return fields + struct.pack("<Bff", layout, scale, offset) + data


def write(name: str, body: bytes) -> None:
    text = (body + struct.pack("<I", crc32(body))).hex()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    (HERE / f"{name}.hex").write_text("\n".join(lines) + "\n")


def main() -> None:
    write(
        "v1_one_frame",
        head(0, 0x1F3A90C2, 17, 1_700_000_000_000_000, 1)
        + frame(
            1, 1, 1, 4, 4_000_000, -12_000, 1, 0.005, 0.0, struct.pack("<4h", 1, -2, 300, -32768)
        ),
    )
    int24 = b"\x01\x00\x00\xff\xff\xff\x00\x00\x80\xff\xff\x7f"
    differences = [zigzag(d) for d in (-1, 5, 0, 60, 32768, -70, -32768, 70)]
    write(
        "v1_every_format",
        head(0b1011, 0xFFFFFFFE, 0xFFFFFFFF, -1, 5)
        + frame(2, 5, 2, 2, 10_000_000, 0, 1, 1.0, 0.0, struct.pack("<4h", 1, 2, 3, 4))
        + frame(3, 0, 1, 4, 40_000_000, 1, 2, 0.25, -8.0, int24)
        + frame(4, 3, 1, 2, 20_000_000, 2, 3, 0.5, 1.0, struct.pack("<2i", -(2**31), 2**31 - 1))
        + frame(5, 0, 1, 1, 0, 3, 4, 1.0, 0.0, struct.pack("<f", 36.5))
        + frame(2, 5, 2, 4, 10_000_000, 4, 5, 1.0, 0.0, b"".join(map(varint, differences))),
    )


if __name__ == "__main__":
    main()
