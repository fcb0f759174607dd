import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dsp.core.conditioning.limits import at_limits
from tests.unit.services.dsp import signals
from tests.unit.services.dsp.signals import Floats

RATE_HZ = 250
SECONDS = 20


def hearts(noise_mv: float = 0.02) -> Floats:
    """(hearts, seconds, RATE_HZ): what comes in each second."""
    rows = [
        signals.ecg(
            signals.beat_times(rate, SECONDS, seed=k), SECONDS, RATE_HZ, noise_mv=noise_mv, seed=k
        )
        for k, rate in enumerate((50.0, 72.0, 110.0))
    ]
    return np.array(rows).reshape(3, SECONDS, RATE_HZ)


@pytest.mark.parametrize(
    ("step", "limit"),
    [(0.0, 0.1), (0.0, 0.2), (0.0, 0.5), (0.002, 0.2), (0.005, 0.2), (0.005, 0.5), (0.02, 0.5)],
)
def test_finds_what_an_amplifier_cut(step: float, limit: float) -> None:
    """Whatever the steps of the converter behind it."""
    good = hearts()
    cut = np.clip(good, -limit, limit)
    if step:
        cut = np.rint(cut / step) * step
    found = at_limits(cut)
    # for 12 ms at least: a limit that is just touched is as good as none
    lost = np.asarray((good > limit + 0.05).sum(axis=2) >= 6)
    assert lost.sum() > 10
    assert np.asarray(found.any(axis=2))[lost].mean() > 0.95
    inside = np.abs(good) < limit - 0.1
    assert not (found & inside).any()


@pytest.mark.parametrize("step", [0.0, 0.001, 0.005, 0.02, 0.05])
def test_a_signal_that_turns_round_is_at_no_limit(step: float) -> None:
    """In steps however coarse."""
    t = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    pulses = np.array([np.sin(2 * np.pi * hz * t) + 0.3 * np.sin(4 * np.pi * hz * t + 1)
                       for hz in (0.1, 0.25, 0.8, 1.3, 2.1)])  # fmt: skip
    made = np.concatenate((hearts().reshape(3, -1), pulses)).reshape(-1, RATE_HZ)
    if step:
        made = np.rint(made / step) * step
    assert at_limits(made).any(axis=1).mean() <= 0.01


@given(st.floats(0.2, 3.0), st.floats(-3.0, 3.0), st.floats(0.005, 0.1), st.integers(8, 400))
def test_a_wave_in_steps_is_at_no_limit(hz: float, phase: float, step: float, n: int) -> None:
    wave = np.sin(2 * np.pi * hz * np.arange(n) / n + phase)
    assert not at_limits(np.rint(wave / step) * step).any()


def test_a_sensor_at_rest_is_at_no_limit() -> None:
    rng = np.random.default_rng(1)
    still = np.rint(rng.normal(0.0, 0.4, (50, 3, 100)))
    assert not at_limits(still).any()
    assert not at_limits(np.full((2, 3, 100), 7.0)).any()
    assert not at_limits(np.full((2, 100), np.nan)).any()


def test_neither_gain_nor_sign_nor_neighbours_nor_holes_decide() -> None:
    cut = np.clip(hearts(), -0.1, 0.3)
    found = np.asarray(at_limits(cut))
    assert found.any()
    np.testing.assert_array_equal(at_limits(-4 * cut), found)
    np.testing.assert_array_equal(at_limits(cut[1, 3]), found[1, 3])
    holed = cut.copy()
    holed[:, :, 100:110] = np.nan
    assert not at_limits(holed)[:, :, 100:110].any()
    assert (at_limits(holed).any(axis=2) == found.any(axis=2)).mean() > 0.9
