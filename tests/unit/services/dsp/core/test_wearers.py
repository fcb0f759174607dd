"""Who wears a device: many at once as one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.dsp.core.wearers import FOR_EVER_US, NOBODY, Wearers, Worn

devices = st.integers(1, 5)
moments = st.integers(0, 50)
worn = st.builds(
    Worn,
    device=devices,
    patient=st.integers(1, 9),
    starts_us=moments,
    ends_us=st.one_of(moments, st.just(FOR_EVER_US)),
)


def one_by_one(all_worn: list[Worn], device: int, t: int) -> int:
    found = NOBODY
    for one in all_worn:
        if one.device == device and one.starts_us <= t < one.ends_us:
            found = one.patient
    return found


@given(st.lists(worn), st.lists(st.tuples(st.integers(0, 7), moments)))
def test_each_moment_of_each_device_has_its_wearer(
    all_worn: list[Worn], asked: list[tuple[int, int]]
) -> None:
    device = np.array([one for one, _ in asked], dtype=np.int32)
    t = np.array([at for _, at in asked], dtype=np.int64)
    found = Wearers(all_worn).at(device, t).tolist()
    assert found == [one_by_one(all_worn, *one) for one in asked]


@given(st.lists(worn), st.lists(worn), devices)
def test_assignments_of_one_device_replace_only_its_own(
    known: list[Worn], read: list[Worn], device: int
) -> None:
    read = [one._replace(device=device) for one in read]
    every = np.repeat(np.arange(1, 6, dtype=np.int32), 51)
    t = np.tile(np.arange(51, dtype=np.int64), 5)
    changed = Wearers(known).with_all_of(device, read).at(every, t)
    before = Wearers(known).at(every, t)
    assert (changed[every != device] == before[every != device]).all()
    assert (changed[every == device] == Wearers(read).at(every, t)[every == device]).all()
