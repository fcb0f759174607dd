"""The codecs of single sensors against bytes that were written by hand (vectors/)."""

from pathlib import Path

import numpy as np
import pytest

from shared.codecs.ppg_terminal import codec as ppg_terminal
from shared.codecs.radar_iq import codec as radar_iq
from shared.contracts.decoding import Decoded, Refused
from tests.harness.codecs import CODECS, ENVELOPE, new_decoder

VECTORS = Path(__file__).parent / "vectors"


def golden(codec: str, name: str) -> bytes:
    return bytes.fromhex((VECTORS / codec / f"{name}.hex").read_text())


def read(codec: str, data: bytes) -> Decoded:
    found = new_decoder(CODECS[codec]).feed(data, ENVELOPE)[0]
    assert isinstance(found, Decoded)
    return found


def test_ppg_fifo_v1_both_ways() -> None:
    data = golden("ppg_terminal", "v1_fifo")
    message = read("ppg_terminal", data)
    light, temperature = message.frames
    assert message[:4] == (*ENVELOPE, 0)
    assert light[:9] == (2, 5, 2, 2, 10_000_000, 0, 3, 1.0, 0.0)
    assert np.frombuffer(light.data, "<i4").tolist() == [131_072, 98_304, 131_100, 98_280]
    assert temperature[:9] == (5, 0, 1, 1, 0, 0, 1, 0.01, 0.0)
    assert np.frombuffer(temperature.data, "<i2").tolist() == [3_661]
    assert [(word.name, word.data) for word in message.words] == [
        ("led_ma", {"red": 6.4, "infrared": 12.0})
    ]
    counts = np.array([[131_072, 98_304], [131_100, 98_280]], "<i4")
    block = ppg_terminal.Block(counts, 10_000_000, 36.61, (6.4, 12.0))
    assert ppg_terminal.encode_fifo(block) == data


def test_ppg_fifo_v1_at_its_ends() -> None:
    message = read("ppg_terminal", golden("ppg_terminal", "v1_fifo_ends"))
    (light,) = message.frames
    assert message.flags == 1  # the bit that nobody knows is ignored
    assert light.interval_ns == 312_500
    assert np.frombuffer(light.data, "<i4").tolist() == [262_143, 0]


def test_ppg_json_v1_is_read_as_documented() -> None:
    text = (
        b'{"b":"1f3a90c2","n":18,"t":1700000000000000,"hz":100,"red":[131072,null],'
        b'"ir":[98304,98280],"temp":36.5,"led":[6.4,12.0],"later":{"any":["thing"]}}'
    )
    (message,) = new_decoder(CODECS["ppg_terminal"]).feed(text, None)
    assert isinstance(message, Decoded)
    assert message[:4] == (0x1F3A90C2, 18, 1_700_000_000_000_000, 0)
    light, temperature = message.frames
    assert light[:9] == (2, 5, 2, 2, 10_000_000, 0, 3, 1.0, 0.0)
    assert np.frombuffer(light.data, "<i4").tolist() == [131_072, 98_304, -(2**31), 98_280]
    assert np.frombuffer(temperature.data, "<f4").tolist() == [36.5]


def test_radar_v1_24_bits_both_ways() -> None:
    data = golden("radar_iq", "v1_24_bits")
    message = read("radar_iq", data)
    (frame,) = message.frames
    assert message.flags == 2
    assert frame[:6] == (6, 0, 2, 2, 1_000_000, 0)
    assert frame.format == 3
    assert frame.scale == pytest.approx(2.5 / 2**23 / 6)
    numbers = [1, -1, 8_388_607, -8_388_608]
    assert np.frombuffer(frame.data, "<i4").tolist() == numbers
    block = radar_iq.Block(np.array(numbers, "<i4").reshape(2, 2), range_m=1.5, flags=2)
    assert radar_iq.encode(block) == data


def test_radar_v1_16_bits_keeps_the_rail_from_reading_as_missing() -> None:
    message = read("radar_iq", golden("radar_iq", "v1_16_bits"))
    (frame,) = message.frames
    assert (frame.interval_ns, frame.format, frame.scale) == (4_000_000, 1, 2.5 / 32_768)
    assert np.frombuffer(frame.data, "<i2").tolist() == [1, -1, 32_767, -32_767]
    assert [dict(word.data) for word in message.words] == [{"gain": 1.0}]


def test_wellness_v1_clean() -> None:
    (frame,) = read("wellness_ecg", golden("wellness_ecg", "v1_clean")).frames
    assert frame[:6] == (1, 1, 1, 3, 2_777_778, 0)
    assert np.frombuffer(frame.data, "<i2").tolist() == [512, 522, 10]
    values = np.array([512, 522, 10]) * frame.scale + frame.offset
    assert values == pytest.approx([0.0, 10 * 3.3 / 1024 * 2, -502 * 3.3 / 1024 * 2])


def test_wellness_v1_broken_finds_its_way_again() -> None:
    """A sample, two bytes too many, one with a high byte of FE, two samples, two bytes of one."""
    decoder = new_decoder(CODECS["wellness_ecg"])
    message, refused = decoder.feed(golden("wellness_ecg", "v1_broken"), ENVELOPE)
    assert isinstance(message, Decoded)
    assert isinstance(refused, Refused)
    assert [np.frombuffer(frame.data, "<i2").tolist() for frame in message.frames] == [
        [512],
        [522, 10],
    ]
    assert [frame.dt_us for frame in message.frames] == [0, round(8 / 3 * 2_777.778)]
    assert "5 bytes passed over, the first of them at byte 3" in refused.detail
    assert decoder.remainder() == b"\x0a\xff"
