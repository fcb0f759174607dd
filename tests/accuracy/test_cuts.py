"""However a signal is cut, and whenever states are saved and read: the same bits, every row."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.accuracy.cuts import LONGEST_S, SHORTEST_S, Cutting, told_by_device
from tests.accuracy.recorded_scenes import recorded_scenes
from tests.accuracy.recordings import DATA
from tests.accuracy.scenes import Scene, made_scenes, without_a_scene

SECONDS = 75  # longer than the windows of nearly all; what lasts longer begins with less
CUTTINGS = 4
PLAIN = Cutting((1.0,))
MADE = {scene.name: scene for scene in made_scenes(SECONDS, people=1)}
RECORDED = (
    "mitdb, ECG", "bidmc, ECG", "bidmc, PPG", "bidmc, RESP", "troika, wrist in motion",
    "troika, light alone", "paced breathing, chest", "oxford, pockets",
)  # fmt: skip
SEEDS = st.integers(0, 2**32 - 1)
once = settings(
    max_examples=1,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # the smallest cut that fails would take minutes
    suppress_health_check=[HealthCheck.too_slow],
)


def test_no_row_of_the_table_is_left_out() -> None:
    assert not without_a_scene(list(MADE.values()))


def check(scene: Scene, seed: int) -> None:
    """Several random ways to cut at once, in messages of random sizes, states saved between."""
    rng = np.random.default_rng(seed)
    lengths_s = np.exp(rng.uniform(np.log(SHORTEST_S), np.log(LONGEST_S), (CUTTINGS, 9)))
    ways = [Cutting(tuple(each)) for each in lengths_s.tolist()]
    plain, *others = told_by_device(
        scene, [PLAIN, *ways], seconds=SECONDS,
        groups=tuple(rng.integers(1, 60, 7).tolist()), saved_at=int(rng.integers(3, 20)),
    )  # fmt: skip
    assert any(plain), "nothing was told"
    for way, other in zip(ways, others, strict=True):
        assert other == plain, way
    (alone,) = told_by_device(scene, [PLAIN], seconds=SECONDS)
    assert alone == plain, "messages, or states that were written and read"


@pytest.mark.parametrize("name", MADE)
@once
@given(seed=SEEDS)
def test_cuts_of_a_made_signal_do_not_matter(name: str, seed: int) -> None:
    check(MADE[name], seed)


@cache
def _recorded(folder: Path) -> dict[str, Scene]:
    return {scene.name: scene for scene in recorded_scenes(folder, SECONDS)}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
@once
@given(seed=SEEDS)
def test_cuts_of_a_recording_do_not_matter(name: str, seed: int) -> None:
    scene = _recorded(DATA).get(name)
    if scene is None:
        pytest.skip(f"the recordings of {name} are not beside the repository")
    check(scene, seed)
