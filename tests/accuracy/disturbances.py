"""What happens to good signals in life, from a moment on: each as a change of samples.

Samples are (people, channels, n); what is NaN in all channels for a whole second is not sent.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contracts.streams import Stream
from tests.accuracy.scenes import Scene, Sent

Floats = NDArray[np.float64]
Change = Callable[[Floats, int, np.random.Generator], Floats]
MAINS_HZ, MAINS_DRIFT_HZ, MAINS_TIMES = 50.0, 0.02, 10.0
LIMIT = 0.3  # of the span from the middle: an amplifier that ends there
LEAST_COUNT = 1 / 2_000  # of the span: a converter of 11 bits that is just filled


class Disturbance(NamedTuple):
    """One of them.

    Attributes
    ----------
    speed : of the person's time in that of the device: a clock that is wrong
    crowding : samples of a second that are sent as one second of the nominal rate
    is_alone : all there ever was: nothing is known of anybody
    is_empty : what comes has nothing of the person: that nothing moves is a right answer
    of_companions : it happens to what lies beside, the main stream is well
    """

    name: str
    change: Change
    speed: float = 1.0
    crowding: float = 1.0
    is_alone: bool = False
    is_empty: bool = False
    of_companions: bool = False


def _same(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    return samples


def _holes(*, every_s: float, long_s: float) -> Change:
    def change(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
        at = np.arange(samples.shape[2]) / rate_hz % every_s
        return np.where(at < long_s, np.nan, samples)

    return change


def _lost(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    gone = rng.random((len(samples), 1, samples.shape[2])) < 0.1
    return np.where(gone, np.nan, samples)


def _span(samples: Floats) -> Floats:
    """Of each channel: half of what lies between its outer hundredths."""
    low, high = np.nanpercentile(samples, (1, 99), axis=2, keepdims=True)
    half: Floats = np.maximum((high - low) / 2, 1e-6)
    return half


def _middle(samples: Floats) -> Floats:
    middle: Floats = np.nanmedian(samples, axis=2, keepdims=True)
    return middle


def _clipped(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    middle, span = _middle(samples), _span(samples)
    return np.clip(samples, middle - LIMIT * span, middle + LIMIT * span)


def _stuck(at_end: bool) -> Change:
    """Half a minute of one value, half a minute of signal."""

    def change(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
        level = np.nanmax(samples, axis=2, keepdims=True) if at_end else samples[:, :, :1]
        at = np.arange(samples.shape[2]) / rate_hz % 60
        return np.where(at < 30, level, samples)

    return change


def _flipped(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    positive = (_middle(samples) > 3 * _span(samples)) & (samples.shape[1] < 3)
    return np.where(positive, 2 * _middle(samples), 0) - samples


def _hum(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    t = np.arange(samples.shape[2]) / rate_hz
    drift = MAINS_DRIFT_HZ * np.sin(2 * np.pi * t / 40)
    phase = 2 * np.pi * np.cumsum(MAINS_HZ + drift) / rate_hz
    start = rng.uniform(0, 2 * np.pi, (len(samples), 1, 1))
    return samples + MAINS_TIMES * _span(samples) * np.sin(phase + start)


def _noise(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    return np.asarray(_middle(samples) + _span(samples) * rng.standard_normal(samples.shape))


def _walk(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Noise whose power falls with the square of the frequency."""
    steps = rng.standard_normal(samples.shape) / np.sqrt(rate_hz)
    return np.asarray(_middle(samples) + _span(samples) * np.cumsum(steps, axis=2))


def _absent(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    """The converter's own noise about a level; a thermometer shows the room."""
    if rate_hz == 1:
        return np.asarray(AMBIENT_DEGC + rng.normal(0.0, 0.1, samples.shape))
    count = 2 * _span(samples) * LEAST_COUNT
    noise = np.rint(rng.normal(0.0, 0.8, samples.shape))
    return np.asarray(samples[:, :, :1] + count * noise)


DISTURBANCES = (
    Disturbance("runs of NaN: 2 s in 15", _holes(every_s=15, long_s=2)),
    Disturbance("a tenth of the samples lost", _lost),
    Disturbance("gaps: 20 s in 60", _holes(every_s=60, long_s=20)),
    Disturbance("leaves and joins: away 45 s in 80", _holes(every_s=80, long_s=45)),
    Disturbance("clipped at 0.3 of the span", _clipped),
    Disturbance("stuck at the rail, 30 s in 60", _stuck(at_end=True), is_empty=True),
    Disturbance("flat line, 30 s in 60", _stuck(at_end=False), is_empty=True),
    Disturbance("sign flip", _flipped),
    Disturbance("clock 5 % fast", _same, speed=0.95),
    Disturbance("clock 5 % slow", _same, speed=1.05),
    Disturbance("5 % more samples than told", _same, crowding=1.05),
    Disturbance("5 % fewer samples than told", _same, crowding=0.95),
    Disturbance("50 Hz, ten times the signal", _hum),
    Disturbance("leads exchanged", _same),
    Disturbance("turns into white noise", _noise, is_empty=True),
    Disturbance("turns into a random walk", _walk, is_empty=True),
    Disturbance("signal goes away", _absent, is_empty=True),
    Disturbance("white noise ever", _noise, is_alone=True, is_empty=True),
    Disturbance("random walk ever", _walk, is_alone=True, is_empty=True),
    Disturbance("no signal ever", _absent, is_alone=True, is_empty=True),
    Disturbance("companion: gaps", _holes(every_s=60, long_s=20), of_companions=True),
    Disturbance("companion: white noise", _noise, of_companions=True),
    Disturbance("companion: stuck", _stuck(at_end=True), of_companions=True),
)
SWAPPED = "leads exchanged"
OF_READINGS = frozenset({0, 2, 3})  # what can happen to what is no waveform: it may not come
AMBIENT_DEGC = 22.0


def applies(disturbance: Disturbance, scene: Scene) -> bool:
    """Whether it can happen to the devices of a scene."""
    if disturbance.of_companions:
        return bool(scene.beside)
    if disturbance.name == SWAPPED:
        return scene.swapped is not None or scene.main.samples.shape[1] > 1
    if scene.main.stream is Stream.TEMPERATURE and disturbance.change is _absent:
        return True
    return scene.main.rate_hz > 1 or DISTURBANCES.index(disturbance) in OF_READINGS


def disturbed(scene: Scene, disturbance: Disturbance, begin_s: int, seconds: int) -> list[Sent]:
    """The main stream and its companions: good until `begin_s`, then disturbed."""
    rng = np.random.default_rng(11)
    sent = []
    for place, one in enumerate((scene.main, *scene.beside)):
        samples = _timed(one.samples, one.rate_hz, disturbance.speed, begin_s, seconds)
        begin = 0 if disturbance.is_alone else begin_s * one.rate_hz
        later = samples[:, :, begin:]
        if disturbance.name == SWAPPED and place == 0:
            other = scene.swapped if scene.swapped is not None else one.samples[:, ::-1]
            later = other[:, :, begin : samples.shape[2]]
        elif disturbance.of_companions == (place > 0) or disturbance.is_alone:
            later = disturbance.change(later, one.rate_hz, rng)
        sent.append(one._replace(samples=np.concatenate((samples[:, :, :begin], later), axis=2)))
    return sent


def _timed(samples: Floats, rate_hz: int, speed: float, begin_s: int, seconds: int) -> Floats:
    n = seconds * rate_hz
    if speed == 1.0:
        return samples[:, :, :n]
    place = np.arange(n, dtype=np.float64)
    place[begin_s * rate_hz :] = begin_s * rate_hz + speed * np.arange(n - begin_s * rate_hz)
    known = np.arange(samples.shape[2])
    rows = [[np.interp(place, known, channel) for channel in row] for row in samples]
    return np.array(rows)
