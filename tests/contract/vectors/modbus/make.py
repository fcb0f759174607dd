"""Writes the golden bytes of codec `modbus` from the text of its page.

Run alone: ``python tests/contract/vectors/modbus/make.py``. It uses no code of the project, and
computes the checks bit by bit. A published version never changes.
"""

from pathlib import Path

HERE = Path(__file__).parent


def crc16(data: bytes) -> bytes:
    value = 0xFFFF
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return bytes([value % 256, value // 256])


def lrc(data: bytes) -> bytes:
    return bytes([(256 - sum(data) % 256) % 256])


PHONE = b"+3960144676375"
CODE = b"018417EA190000B0"
FILE = b"M0:\\20180920\\16M54S29.txt"
HEAD = bytes.fromhex("5F100090001C38")
NOTICE = HEAD + PHONE + CODE + FILE + b"\0"
"""The published example, with the padding that is decided."""


def main() -> None:
    check = crc16(NOTICE)
    head_text, check_text = HEAD.hex().upper().encode(), check.hex().upper().encode()
    frames = {
        "notice_rtu": NOTICE + check,
        "notice_ascii": b":" + (NOTICE + lrc(NOTICE)).hex().upper().encode() + b"\r\n",
        "notice_gsm": head_text + NOTICE[7:-1] + check_text,
        "notice_gsm_padded": HEAD.hex().upper().encode() + NOTICE[7:] + check_text,
        # the answer that the paper prints, check and all
        "answer_gsm": b"5F100090001CCC93",
        "answer_rtu": bytes.fromhex("5F100090001CCC93"),
        "take_ecg_rtu": b"\x5f\x2a" + crc16(b"\x5f\x2a"),
    }
    for name, frame in frames.items():
        text = frame.hex()
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        (HERE / f"{name}.hex").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
