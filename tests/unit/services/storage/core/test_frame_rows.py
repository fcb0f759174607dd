import math
import struct

from hypothesis import given
from hypothesis import strategies as st

from services.storage.core.frame_rows import (
    COLUMNS,
    FrameKey,
    copy_payload,
    first_of_each,
    gather,
    stored_content,
)
from shared.contracts.quality import FrameFlag
from tests.unit.services.storage.core.frame_building import T0, batch, frame, rows

KEYS = st.tuples(
    st.integers(1, 3), st.sampled_from([0, 2**32 - 1]), st.integers(0, 5), st.integers(0, 2)
)


@given(st.lists(st.lists(KEYS, min_size=1, max_size=8), min_size=1, max_size=4))
def test_gathered_frames_are_sorted_and_keep_their_samples(
    groups: list[list[tuple[int, int, int, int]]],
) -> None:
    counter = 0
    sent: dict[bytes, FrameKey] = {}
    batches = []
    for group in groups:
        frames = []
        for device, boot, n, part in group:
            counter += 1
            samples = struct.pack("<hh", counter, n)
            sent[samples] = FrameKey(device, boot, n, part)
            frames.append(frame(device, boot, n, part=part, samples=samples))
        batches.append(batch(*frames))
    gathered = gather(batches)
    keys = gathered.keys()
    assert keys == sorted(sent.values())
    assert {samples: key for key, samples in zip(keys, gathered.samples, strict=True)} == sent
    first = first_of_each(gathered)
    assert [key for key, one in zip(keys, first, strict=True) if one] == sorted(set(keys))
    for i, is_first in enumerate(first.tolist()):
        if not is_first:  # the one that came earlier stands before it
            before, here = (struct.unpack("<hh", gathered.samples[j])[0] for j in (i - 1, i))
            assert before < here


def test_arrival_makes_no_other_content_but_the_bytes_do() -> None:
    original, again, late, lead_off, other, moved, scaled = (
        rows(one).contents()[0]
        for one in (
            frame(),
            frame(received=T0 + 99),
            frame(flags=int(FrameFlag.LATE)),
            frame(flags=int(FrameFlag.LEAD_OFF)),
            frame(samples=b"\x01\x00"),
            frame(t0=T0 + 1),
            frame(scale=0.002),
        )
    )
    assert original == again == late
    digests = {content.digest() for content in (original, lead_off, other, moved, scaled)}
    assert len({original, lead_off, other, moved, scaled}) == len(digests) == 5


def test_a_scale_that_is_no_number_equals_itself() -> None:
    one, two = (rows(frame(scale=math.nan)).contents()[0] for _ in range(2))
    assert one == two
    assert one.digest() == two.digest()


def test_a_row_as_the_table_gives_it_has_the_content_that_was_written() -> None:
    content = rows(frame(flags=int(FrameFlag.LEAD_OFF | FrameFlag.LATE))).contents()[0]
    scale = struct.unpack("<f", struct.pack("<f", 0.001))[0]
    row = (T0, 1, 4_000_000, 1, 1, 0, scale, 0.0, int(FrameFlag.LEAD_OFF), content.samples)
    assert stored_content(row) == content


def test_the_payload_is_what_the_manual_of_postgresql_says() -> None:
    """Read back by an independent reader of the format, written from its documentation."""
    frames = rows(frame(1, 2**32 - 1, 2**32 - 1, part=3), frame(2, 0, 0, samples=b"\xff\x7f"))
    payload = copy_payload(frames)
    assert payload[:11] == b"PGCOPY\n\xff\r\n\0"
    flags, extension = struct.unpack_from(">ii", payload, 11)
    assert (flags, extension) == (0, 0)
    position, read = 19, []
    while (count := struct.unpack_from(">h", payload, position)[0]) != -1:
        position += 2
        assert count == len(COLUMNS)
        fields = []
        for _ in range(count):
            length = struct.unpack_from(">i", payload, position)[0]
            fields.append(payload[position + 4 : position + 4 + length])
            position += 4 + length
        read.append(dict(zip(COLUMNS, fields, strict=True)))
    assert position + 2 == len(payload)
    first, second = read
    assert first["device_id"] == struct.pack(">i", 1)
    assert first["boot"] == first["n"] == struct.pack(">q", 2**32 - 1)
    assert first["part"] == struct.pack(">h", 3)
    assert first["t0"] == struct.pack(">q", T0 + (2**32 - 1) * 1_000_000)
    assert first["scale"] == struct.pack(">f", 0.001)
    assert second["samples"] == b"\xff\x7f"
    assert second["received"] == struct.pack(">q", T0 + 50)
