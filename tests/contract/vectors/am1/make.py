"""Writes the golden export of codec `am1` from the text of its README.

Run alone: ``python tests/contract/vectors/am1/make.py``. It uses no code of the project. A
published version never changes.
"""

from pathlib import Path

HERE = Path(__file__).parent
LINES = (
    "PEF 512:498:305",
    "FVC 4230:4190:",
    "FEV13510:3490:2000",
    "FE751900:1800:900",
    "FE504400:4300:2100",
    "FE257000:6900:3000",
    "FEFM3900:3800:1900",
    "DATE14.11.2023:15.11.2023:16.11.23",
    "TIME23.13.20:07.30.00:07.31",
    "MODE1:1:M2",
    "END ",
)


def main() -> None:
    text = "".join(f"{len(line) + 5:03}{line}\r\n" for line in LINES)
    (HERE / "v1.txt").write_bytes(text.encode("ascii"))


if __name__ == "__main__":
    main()
