"""A small form of the robustness page: one person of each scene, every disturbance."""

import pytest

from tests.accuracy.disturbances import DISTURBANCES, applies, disturbed
from tests.accuracy.false_confidence import examine, false_percent, is_knowable
from tests.accuracy.scenes import made_scenes

BEGIN_S, SECONDS = 70, 120
CHOSEN = frozenset(  # quick ones, one of each stream; the page runs all
    {"ECG", "two lights, finger", "impedance", "chest, lying", "waist, walking", "radar",
     "temperature", "scans of WiFi"}
)  # fmt: skip
SCENES = {scene.name: scene for scene in made_scenes(SECONDS, people=1) if scene.name in CHOSEN}
MOST_PERCENT = {  # of one person; the page tells of what, by more people
    "waist, walking": 13.0,  # white noise is as fast as steps
    "scans of WiFi": 8.0,  # strengths that are noise are like some place
}


@pytest.mark.parametrize("name", SCENES)
def test_what_is_shown_as_sure_is_right(name: str) -> None:
    """Wrong without a mark of doubt, of all values due; nothing raises.

    Ceilings are what is reached, rounded up: where they are above 1 % the page tells of what.
    """
    result = examine(SCENES[name], begin_s=BEGIN_S, seconds=SECONDS)
    assert result.failures == []
    cells = [cell for cell in result.cells if is_knowable(cell)]
    due, sure = sum(cell.due for cell in cells), sum(cell.sure for cell in cells)
    assert due or not SCENES[name].judged
    most = MOST_PERCENT.get(name, 1.0)
    assert 100 * sure <= most * due, f"{100 * sure / due:.2f} %, {false_percent(cells):.2f} % false"


def test_disturbances_begin_when_they_say() -> None:
    """Until then a stream is as it was; after it something changed, or another stream did."""
    for scene in SCENES.values():
        for each in DISTURBANCES:
            if not applies(each, scene) or each.is_alone or each.crowding != 1.0:
                continue
            changed = False
            for sent, good in zip(
                disturbed(scene, each, BEGIN_S, SECONDS), (scene.main, *scene.beside), strict=True
            ):
                n, begin = SECONDS * good.rate_hz, BEGIN_S * good.rate_hz
                was, now = good.samples[:, :, :n], sent.samples
                assert now[:, :, :begin].tobytes() == was[:, :, :begin].tobytes(), each.name
                changed |= now[:, :, begin:].tobytes() != was[:, :, begin:].tobytes()
            assert changed, (scene.name, each.name)
