"""Topics, shards, lanes: values that devices and other systems were told."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import identity, names

DEVICE = identity.DeviceId("ecg-0001")


def test_the_shard_is_the_lowest_byte_of_the_crc() -> None:
    assert identity.shard_of(DEVICE) == zlib.crc32(b"ecg-0001") % 256 == 0x61


def test_golden_topics() -> None:
    assert names.up_topic(DEVICE, names.UpKind.DATA, "packed") == "vw1/61/ecg-0001/up/d/packed"
    assert names.up_topic(DEVICE, names.UpKind.STATUS) == "vw1/61/ecg-0001/up/status"
    assert names.down_topic(DEVICE, names.DownKind.STORED) == "vw1/61/ecg-0001/down/stored"
    assert names.up_filter(identity.Shard(10)) == "vw1/0a/+/up/#"
    assert names.lane_queue(names.Exchange.FRAMES, identity.Lane(3)) == "frames.3"


@pytest.mark.parametrize(
    "topic",
    [
        "vw1/61/ecg-0001/up/d",
        "vw1/61/ecg-0001/up/d/",
        "vw1/61/ecg-0001/up/d/json/more",
        "vw1/61/ecg-0001/up/status/json",
        "vw1/61/ecg-0001/up/unheard",
        "vw1/61/ecg-0001/down/stored",
        "vw1/62/ecg-0001/up/status",
        "vw1/6A/ecg-0001/up/status",
        "vw2/61/ecg-0001/up/status",
        "vw1/61/ECG-0001/up/status",
        "vw1/61/ab/up/status",
        "",
        "/",
    ],
)
def test_a_topic_that_is_not_a_devices_own_is_none(topic: str) -> None:
    assert names.parse_up_topic(topic) is None


@given(st.from_regex(r"[a-z0-9-]{3,40}", fullmatch=True))
def test_topics_are_parsed_back(text: str) -> None:
    device = identity.parse_device_id(text)
    assert device is not None
    parsed = names.parse_up_topic(names.up_topic(device, names.UpKind.DATA, "json"))
    assert parsed == (identity.shard_of(device), device, names.UpKind.DATA, "json")


@given(st.text(max_size=60))
def test_arbitrary_topics_never_raise(topic: str) -> None:
    names.parse_up_topic(topic)


@given(st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
def test_lanes_share_all_shards_without_overlap(lanes: int) -> None:
    shards = [
        shard for lane in range(lanes) for shard in identity.shards_of(identity.Lane(lane), lanes)
    ]
    assert shards == list(range(256))
    for lane in range(lanes):
        for shard in identity.shards_of(identity.Lane(lane), lanes):
            assert identity.lane_of(identity.Shard(shard), lanes) == lane


@pytest.mark.parametrize("lanes", [0, 3, 128, -2])
def test_other_numbers_of_lanes_are_refused(lanes: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        identity.lane_of(identity.Shard(0), lanes)
