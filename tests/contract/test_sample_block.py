"""Blocks that were written by earlier versions stay readable (vectors/sample_block)."""

from pathlib import Path

from shared.contracts.frames import FrameBatch, decode_frames
from shared.contracts.sample_block import decode_block, encode_block, in_order

VECTORS = Path(__file__).parent / "vectors"


def golden(name: str) -> bytes:
    return bytes.fromhex((VECTORS / name / "v1.hex").read_text())


def frames_of_another_implementation() -> FrameBatch:
    """Three frames in three formats, as vectors/make.mjs wrote them."""
    batch = decode_frames(golden("frames"))
    assert isinstance(batch, FrameBatch)
    return in_order(batch)


def test_a_stored_block_gives_the_frames_that_another_implementation_wrote() -> None:
    read, written = decode_block(golden("sample_block")), frames_of_another_implementation()
    assert isinstance(read, FrameBatch)
    assert read.table.tobytes() == written.table.tobytes()
    assert bytes(read.samples) == bytes(written.samples)


def test_the_layout_is_the_documented_one() -> None:
    content = golden("sample_block")
    assert content[:8] == b"VWS1\1\0\0\0"
    assert int.from_bytes(content[8:12], "little") == 3
    again = encode_block(frames_of_another_implementation())
    assert again[:16] == content[:16]  # behind it, another zstd may compress otherwise
