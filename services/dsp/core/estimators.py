"""THE table: which estimator runs on which stream. To add a vital sign, add a row.

All share one shape: ``init(devices, rate_hz) -> state`` and
``step(state, samples, times) -> state, Output``, where `samples` is one whole second of UTC of
each device, (devices, rate_hz) where `n_channels` is one, else (devices, channels, rate_hz), and
`times` the instants of the first samples. What it gives speaks of `delay_s` before the end of
that second.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from services.dsp.core import device_values
from services.dsp.core.ecg import heart_rate
from services.dsp.core.outputs import Output
from services.dsp.core.ppg import pulse_oximetry
from services.dsp.core.respiration import impedance
from services.dsp.core.temperature import sensor
from services.dsp.core.windows import Instants, Samples
from shared.contracts.measures import Measure
from shared.contracts.streams import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """One row of the table.

    Attributes
    ----------
    n_channels : leading channels that it takes; a device must send at least as many
    rates_hz : lowest and highest rate that it takes; the rate is a whole number
    measures : what it gives
    memory_s : what it gives depends on so many seconds before; a test holds it to that
    """

    key: str
    stream: Stream
    n_channels: int
    rates_hz: tuple[int, int]
    measures: tuple[Measure, ...]
    delay_s: int
    memory_s: int
    init: Callable[[int, int], Any]
    step: Callable[[Any, Samples, Instants], tuple[Any, Output]]
    gives_beats: bool = False

    def takes(self, stream: int, channels: int, rate_hz: int) -> bool:
        """Whether frames of this kind are for this estimator."""
        low, high = self.rates_hz
        return stream == self.stream and channels >= self.n_channels and low <= rate_hz <= high


def _one_light(state: Any, samples: Samples, times: Instants) -> tuple[Any, Output]:
    return pulse_oximetry.step(state, samples[:, None], times)


_COMPUTED = (
    Estimator(
        key="ecg",
        stream=Stream.ECG,
        n_channels=1,
        rates_hz=(100, 2000),
        measures=(Measure.HEART_RATE,),
        delay_s=1,
        memory_s=48,
        init=heart_rate.init,
        step=heart_rate.step,
        gives_beats=True,
    ),
    Estimator(
        key="oximetry",
        stream=Stream.PPG,
        n_channels=2,
        rates_hz=(20, 1000),
        measures=(Measure.PULSE_RATE, Measure.SPO2, Measure.PERFUSION_INDEX),
        delay_s=pulse_oximetry.DELAY_S,
        memory_s=16,
        init=partial(pulse_oximetry.init, channels=2),
        step=pulse_oximetry.step,
    ),
    Estimator(
        key="pulse",
        stream=Stream.PPG,
        n_channels=1,
        rates_hz=(20, 1000),
        measures=(Measure.PULSE_RATE,),
        delay_s=pulse_oximetry.DELAY_S,
        memory_s=16,
        init=partial(pulse_oximetry.init, channels=1),
        step=_one_light,
    ),
    Estimator(
        key="impedance",
        stream=Stream.IMPEDANCE,
        n_channels=1,
        rates_hz=(8, 1000),
        measures=(Measure.RESPIRATION_RATE,),
        delay_s=impedance.DELAY_S,
        memory_s=64,
        init=impedance.init,
        step=impedance.step,
    ),
    Estimator(
        key="temperature",
        stream=Stream.TEMPERATURE,
        n_channels=1,
        rates_hz=(1, 1),
        measures=(Measure.TEMPERATURE,),
        delay_s=0,
        memory_s=60,
        init=sensor.init,
        step=sensor.step,
    ),
)


# Streams whose samples are vital signs already: the device computed them.
DEVICE_VALUES = {
    Stream.SPO2: Measure.SPO2,
    Stream.PULSE_RATE: Measure.PULSE_RATE,
    Stream.RESPIRATION_RATE: Measure.RESPIRATION_RATE,
    Stream.FVC: Measure.FVC,
    Stream.FEV1: Measure.FEV1,
    Stream.PEF: Measure.PEF,
    Stream.FEF25: Measure.FEF25,
    Stream.FEF50: Measure.FEF50,
    Stream.FEF75: Measure.FEF75,
    Stream.FEF25_75: Measure.FEF25_75,
}

ESTIMATORS = (
    *_COMPUTED,
    *(
        Estimator(
            key=f"device_{stream.name.lower()}",
            stream=stream,
            n_channels=1,
            rates_hz=(1, 1),
            measures=(measure,),
            delay_s=0,
            memory_s=0,
            init=device_values.init,
            step=device_values.passing_on(measure),
        )
        for stream, measure in DEVICE_VALUES.items()
    ),
)


def memory_of(stream: int) -> int:
    """Seconds after a sample of a stream in which something that is given still rests on it."""
    of_stream = [each.memory_s for each in ESTIMATORS if each.stream == stream]
    return max(of_stream, default=0)


def estimator_for(stream: int, channels: int, rate_hz: int) -> Estimator | None:
    """The first estimator of the table that takes such frames; None: nothing is computed."""
    for estimator in ESTIMATORS:
        if estimator.takes(stream, channels, rate_hz):
            return estimator
    return None
