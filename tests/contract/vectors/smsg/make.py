"""Writes the golden bytes of codec `smsg` from the text of its README.

Run alone: ``python tests/contract/vectors/smsg/make.py``. It uses no code of the project. A
published version never changes.
"""

import struct
from pathlib import Path

HERE = Path(__file__).parent
SERVER, CORE = 1, 2


def smsg(kind: int, what: int, origin: int, to: int, payload: bytes = b"") -> bytes:
    return b"SMSG" + struct.pack(">HBBII", 10 + len(payload), kind, what, origin, to) + payload


def write(name: str, data: bytes) -> None:
    text = data.hex()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    (HERE / f"{name}.hex").write_text("\n".join(lines) + "\n")


def main() -> None:
    ten = struct.pack(">10H", 0, 1, 32_767, 32_768, 65_535, 21_325, 21_319, 30_000, 40_000, 50_000)
    write(
        "up_v1",
        smsg(2, 1, CORE, CORE, b"core 1.0")
        + smsg(21, 1, 0xA1B2, CORE, b"ecg")
        + smsg(21, 2, 0xA1B2, SERVER, ten)
        + smsg(21, 2, 0xA1B2, SERVER, struct.pack(">5H", 1, 2, 3, 4, 5))
        + smsg(22, 2, 0xC3, SERVER, bytes([97]))
        + smsg(22, 3, 0xC3, SERVER, struct.pack(">H", 300))
        + smsg(22, 4, 0xC3, SERVER, struct.pack(">H", 0x0108))
        + smsg(23, 3, 0xD4, SERVER, struct.pack(">HI", 1, 0xCAFEF00D))
        + smsg(
            23, 2, 0xD4, SERVER,
            struct.pack(">HHBBBBBB", 0, 2023, 11, 14, 23, 13, 20, 1)
            + struct.pack(">7H", 512, 4_230, 3_510, 65_535, 65_535, 65_535, 3_100),
        ),
    )  # fmt: skip
    write("status_request_v1", smsg(1, 1, SERVER, CORE))
    write("start_ecg_v1", smsg(21, 3, SERVER, 0xA1B2))
    write("stop_oximeter_v1", smsg(22, 6, SERVER, 0xC3))
    write("ask_results_v1", smsg(23, 3, SERVER, 0xD4, struct.pack(">I", 0xCAFEF00D)))
    write("clear_memory_v1", smsg(23, 4, SERVER, 0xD4, struct.pack(">HI", 1, 0xCAFEF00D)))


if __name__ == "__main__":
    main()
