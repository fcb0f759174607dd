"""Radar for a scorer."""

from collections.abc import Iterator

from services.dsp.core.outputs import Output
from services.dsp.core.radar import vital_signs
from services.dsp.scorers.seconds import Result, Seconds, only, shown, stream
from shared.contracts.measures import MEASURES, Measure


def radar(fs: float, channels: list[str]) -> Seconds:
    """Task radar: nothing where the quality is too low to show it."""
    only(channels, "i", "q")

    def told(out: Output, end_s: float) -> Iterator[Result]:
        names = {Measure.HEART_RATE: "heart", Measure.RESPIRATION_RATE: "respiration"}
        for reading in out.readings:
            if reading.measure in names:
                least = MEASURES[reading.measure].least_quality
                yield {"t": end_s, "measure": names[reading.measure], **shown(reading, least)}

    return stream(fs, vital_signs.init(1, int(fs)), vital_signs.step, told)
