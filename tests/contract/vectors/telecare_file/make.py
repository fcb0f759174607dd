"""Writes the golden bytes of codec `telecare_file` from the text of its page.

Run alone: ``python tests/contract/vectors/telecare_file/make.py``. It uses no code of the project,
and computes the checksum bit by bit. A published version never changes.
"""

from pathlib import Path

HERE = Path(__file__).parent


def crc32(data: bytes) -> int:
    value = 0xFFFFFFFF
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


BLOCK = """
54 42 01 50
02 02
08 18
1C 00
01 F4 00 03
00 32 00 02
FE 60 FD 20 FE C0
FE 78 FE 45 FF CD
7F FF 00 00 80 00
00 00 04 00 FC 00
00 01 00 02 FF FF
"""
"""80 %, LL off and that is new, in motion (that is new), battery low, 28 degC, 500 Hz and 3 rows,
50 Hz and 2 rows."""

RECORDING = """File name: M0:\\20180919\\12M28S36.txt
Number of samples = (2 \u00d7 3 \u00d7 2) \u00d7 1 = 12
Time period for ECG capture = 1 seconds
Sampling speed = 2 samples per second
Source = Three electrodes for ECG
Record name: ECG: 19:09:2018-12:28:36
Telecare-ECG Monitoring device code: 018417EA190000B0
Patient name: N. N.
The patient\u2019s sex: male
Date of birth: 29:11:1989
Temperature: degrees Celsius: 28
Note: No note
0000 FE60 FD20 FEC0
0001 FE78 FE45 FFCD
"""


def main() -> None:
    body = bytes.fromhex(BLOCK)
    text = (body + crc32(body).to_bytes(4, "big")).hex()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    (HERE / "block_v1.hex").write_text("\n".join(lines) + "\n")
    (HERE / "recording.txt").write_bytes(RECORDING.encode())


if __name__ == "__main__":
    main()
