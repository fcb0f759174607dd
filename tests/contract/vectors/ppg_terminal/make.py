"""Writes the golden bytes of codec `ppg_terminal` from the text of its README.

Run alone: ``python tests/contract/vectors/ppg_terminal/make.py``. It uses no code of the project.
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
    # two pairs at 100 Hz, 36.61 degC, 6.4 and 12 mA in steps of 0.2: the example of the README
    head = b"PF\x01\x00" + struct.pack(">IHhBB", 10_000_000, 2, 3661, 32, 60)
    write("v1_fifo", head + bytes.fromhex("020000 018000 02001c 017fe8"))
    # finger off and a bit that nobody knows; one pair at the ends of 18 bits; no temperature
    head = b"PF\x01\x81" + struct.pack(">IHhBB", 312_500, 1, -32768, 0, 255)
    write("v1_fifo_ends", head + bytes.fromhex("03ffff 000000"))


if __name__ == "__main__":
    main()
