"""THE table: which estimators run on which stream. To add a vital sign, add a row.

All share one shape: ``init(devices, rate_hz) -> state`` and
``step(state, samples, times) -> state, Output``, where `samples` is one whole second of UTC of
each device, (devices, rate_hz) where `n_channels` is one, else (devices, channels, rate_hz), and
`times` the instants of the first samples. What it gives speaks of `delay_s` before the end of
that second. What `init` gives is what a long silence leaves.

Several rows may run on one stream. Of rows with the same `instead_of` the first that takes the
frames runs. A row with `after` is stepped after that other row of the same stream, and its step
takes one argument more: what the other gave out of the same second. A row with `companions` takes
seconds of other streams of the same device too: its `samples` are a tuple, the main stream's
first; a companion that is not there is NaN. A row with a `circumstance` takes that part of what
people told (`circumstances`) and the devices of its rows last.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any

import numpy as np

from services.dsp.core import device_values
from services.dsp.core.ecg import heart_rate, rhythm
from services.dsp.core.estimator import FORGOTTEN_S, Chain, Companion, Estimator
from services.dsp.core.motion import activity, fall_weights, falls, posture, steps, with_thigh
from services.dsp.core.outputs import Output
from services.dsp.core.position import whereabouts
from services.dsp.core.ppg import pulse_in_motion, pulse_oximetry, worn
from services.dsp.core.radar import published, vital_signs
from services.dsp.core.respiration import (
    apnoea,
    from_chest_motion,
    from_ecg,
    from_ppg,
    impedance,
)
from services.dsp.core.spirometry import finder
from services.dsp.core.temperature import sensor
from services.dsp.core.windows import Instants, Samples
from shared.contracts.measures import Measure
from shared.contracts.processing import WITH_PUBLISHED_RADAR
from shared.contracts.streams import Place, Stream

# Where light is taken from somebody who moves, and devices have an accelerometer too.
MOVING = frozenset({Place.WRIST, Place.EAR, Place.CHEST})
TRUNK = frozenset({Place.CHEST, Place.WAIST, Place.BACK})
WAIST = frozenset({Place.WAIST, Place.BACK})
MOTION_HZ = (10, 400)


def _one_light(state: Any, samples: Samples, times: Instants) -> tuple[Any, Output]:
    return pulse_oximetry.step(state, samples[:, None], times)


def _infrared(step: Callable[..., tuple[Any, Output]]) -> Callable[..., tuple[Any, Output]]:
    def changed(state: Any, samples: Samples, times: Instants) -> tuple[Any, Output]:
        return step(state, samples[:, pulse_oximetry.INFRARED], times)

    return changed


JOLTS = Companion(stream=Stream.ACCELEROMETER, n_channels=3, rate_hz=pulse_in_motion.MOTION_HZ)
THIGH = Companion(
    stream=Stream.ACCELEROMETER,
    n_channels=3,
    rate_hz=with_thigh.POSTURE_HZ,
    place=Place.THIGH,
)
COMPASS = Companion(stream=Stream.HEADING, n_channels=1)

_COMPUTED = (
    Estimator(
        key="ecg_two_leads",
        instead_of="ecg",
        stream=Stream.ECG,
        n_channels=2,
        rates_hz=(100, 2000),
        measures=(Measure.HEART_RATE,),
        delay_s=1,
        memory_s=168,
        init=partial(heart_rate.init, n_leads=2),
        step=heart_rate.step,
        gives_beats=True,
    ),
    Estimator(
        key="ecg",
        instead_of="ecg",
        stream=Stream.ECG,
        n_channels=1,
        rates_hz=(100, 2000),
        measures=(Measure.HEART_RATE,),
        delay_s=1,
        memory_s=168,
        init=heart_rate.init,
        step=heart_rate.step,
        gives_beats=True,
    ),
    Estimator(
        key="ecg_classes",
        after="ecg",
        stream=Stream.ECG,
        n_channels=1,
        rates_hz=(100, 2000),
        measures=(),
        delay_s=rhythm.DELAY_S,
        memory_s=168 + rhythm.MEMORY_S,  # of the beats, and its own
        init=rhythm.init,
        step=rhythm.step,
        gives_beats=True,
    ),
    Estimator(
        key="pulse_in_motion",
        instead_of="pulse_in_motion",
        stream=Stream.PPG,
        n_channels=2,
        rates_hz=(20, 1000),
        measures=(Measure.PULSE_RATE,),
        delay_s=pulse_in_motion.DELAY_S,
        memory_s=pulse_in_motion.MEMORY_S,
        init=partial(pulse_in_motion.init, lights=2),
        step=pulse_in_motion.step,
        companions=(JOLTS,),
        places=MOVING,
    ),
    Estimator(
        key="pulse_of_one_light_in_motion",
        instead_of="pulse_in_motion",
        stream=Stream.PPG,
        n_channels=1,
        rates_hz=(20, 1000),
        measures=(Measure.PULSE_RATE,),
        delay_s=pulse_in_motion.DELAY_S,
        memory_s=pulse_in_motion.MEMORY_S,
        init=partial(pulse_in_motion.init, lights=1),
        step=pulse_in_motion.step,
        companions=(JOLTS,),
        places=MOVING,
    ),
    Estimator(
        key="worn_oximetry",
        instead_of="pulse",
        after="pulse_in_motion",
        stream=Stream.PPG,
        n_channels=2,
        rates_hz=(20, 1000),
        measures=(Measure.PULSE_RATE, Measure.SPO2, Measure.PERFUSION_INDEX),
        delay_s=pulse_oximetry.DELAY_S,
        memory_s=pulse_in_motion.MEMORY_S,
        init=partial(worn.init, channels=2),
        step=worn.step,
        gives_beats=True,
        companions=(JOLTS,),
        places=MOVING,
        takes_flags=True,
    ),
    Estimator(
        key="worn_pulse",
        instead_of="pulse",
        after="pulse_of_one_light_in_motion",
        stream=Stream.PPG,
        n_channels=1,
        rates_hz=(20, 1000),
        measures=(Measure.PULSE_RATE,),
        delay_s=pulse_oximetry.DELAY_S,
        memory_s=pulse_in_motion.MEMORY_S,
        init=partial(worn.init, channels=1),
        step=worn.step,
        gives_beats=True,
        companions=(JOLTS,),
        places=MOVING,
    ),
    Estimator(
        key="oximetry",
        instead_of="pulse",
        stream=Stream.PPG,
        n_channels=2,
        rates_hz=(20, 1000),
        measures=(Measure.PULSE_RATE, Measure.SPO2, Measure.PERFUSION_INDEX),
        delay_s=pulse_oximetry.DELAY_S,
        memory_s=16,
        init=partial(pulse_oximetry.init, channels=2),
        step=pulse_oximetry.step,
        gives_beats=True,
        takes_flags=True,
    ),
    Estimator(
        key="pulse",
        instead_of="pulse",
        stream=Stream.PPG,
        n_channels=1,
        rates_hz=(20, 1000),
        measures=(Measure.PULSE_RATE,),
        delay_s=pulse_oximetry.DELAY_S,
        memory_s=16,
        init=partial(pulse_oximetry.init, channels=1),
        step=_one_light,
        gives_beats=True,
    ),
    Estimator(
        key="ecg_respiration",
        stream=Stream.ECG,
        n_channels=1,
        rates_hz=(100, 2000),
        measures=(Measure.RESPIRATION_RATE,),
        delay_s=from_ecg.DELAY_S,
        memory_s=from_ecg.MEMORY_S,
        init=from_ecg.init,
        step=from_ecg.step,
    ),
    Estimator(
        key="infrared_respiration",
        instead_of="ppg_respiration",
        stream=Stream.PPG,
        n_channels=2,
        rates_hz=(20, 1000),
        measures=(Measure.RESPIRATION_RATE,),
        delay_s=from_ppg.DELAY_S,
        memory_s=from_ppg.MEMORY_S,
        init=from_ppg.init,
        step=_infrared(from_ppg.step),
    ),
    Estimator(
        key="ppg_respiration",
        instead_of="ppg_respiration",
        stream=Stream.PPG,
        n_channels=1,
        rates_hz=(20, 1000),
        measures=(Measure.RESPIRATION_RATE,),
        delay_s=from_ppg.DELAY_S,
        memory_s=from_ppg.MEMORY_S,
        init=from_ppg.init,
        step=from_ppg.step,
    ),
    Estimator(
        key="impedance",
        stream=Stream.IMPEDANCE,
        n_channels=1,
        rates_hz=(8, 1000),
        measures=(Measure.RESPIRATION_RATE,),
        delay_s=impedance.DELAY_S,
        memory_s=impedance.MEMORY_S,
        init=impedance.init,
        step=impedance.step,
    ),
    Estimator(
        key="impedance_apnoea",
        after="impedance",
        stream=Stream.IMPEDANCE,
        n_channels=1,
        rates_hz=(8, 1000),
        measures=(Measure.TIME_SINCE_BREATH,),
        delay_s=apnoea.DELAY_S,
        memory_s=apnoea.MEMORY_S,
        init=apnoea.init,
        step=apnoea.step,
    ),
    Estimator(
        key="chest_breath",
        stream=Stream.ACCELEROMETER,
        n_channels=from_chest_motion.AXES,
        rates_hz=MOTION_HZ,
        measures=(Measure.RESPIRATION_RATE,),
        delay_s=from_chest_motion.DELAY_S,
        memory_s=from_chest_motion.MEMORY_S,
        init=from_chest_motion.init,
        step=from_chest_motion.step,
        places=frozenset({Place.CHEST}),
    ),
    Estimator(
        key="posture",
        stream=Stream.ACCELEROMETER,
        n_channels=3,
        rates_hz=MOTION_HZ,
        measures=(Measure.POSTURE,),
        delay_s=posture.DELAY_S,
        memory_s=posture.MEMORY_S,
        init=with_thigh.posture_init,
        step=with_thigh.posture_step,
        companions=(THIGH,),
        places=frozenset({Place.CHEST}),
        circumstance=attrgetter("stances"),
    ),
    Estimator(
        key="chest_steps",
        after="posture",
        stream=Stream.ACCELEROMETER,
        n_channels=3,
        rates_hz=MOTION_HZ,
        measures=(Measure.STEPS, Measure.CADENCE, Measure.WALKING_SPEED, Measure.DOING),
        delay_s=steps.DELAY_S,
        memory_s=with_thigh.MEMORY_S,
        init=with_thigh.steps_init,
        step=with_thigh.steps_step,
        companions=(THIGH,),
        places=frozenset({Place.CHEST}),
    ),
    Estimator(
        key="steps",
        stream=Stream.ACCELEROMETER,
        n_channels=3,
        rates_hz=MOTION_HZ,
        measures=(Measure.STEPS, Measure.CADENCE),
        delay_s=steps.DELAY_S,
        memory_s=steps.MEMORY_S,
        init=steps.init,
        step=steps.step,
        places=frozenset(Place) - TRUNK,
    ),
    Estimator(
        key="waist_steps",
        stream=Stream.ACCELEROMETER,
        n_channels=3,
        rates_hz=MOTION_HZ,
        measures=(Measure.STEPS, Measure.CADENCE, Measure.WALKING_SPEED),
        delay_s=steps.DELAY_S,
        memory_s=steps.MEMORY_S,
        init=steps.init,
        step=partial(steps.step, speed_quality=steps.WAIST_SPEED_QUALITY),
        places=WAIST,
    ),
    Estimator(
        key="trunk_activity",
        stream=Stream.ACCELEROMETER,
        n_channels=3,
        rates_hz=MOTION_HZ,
        measures=(Measure.ACTIVITY, Measure.EFFORT),
        delay_s=0,
        memory_s=activity.MEMORY_S,
        init=activity.init,
        step=partial(activity.step, is_trunk=True),
        places=TRUNK,
    ),
    Estimator(
        key="activity",
        stream=Stream.ACCELEROMETER,
        n_channels=3,
        rates_hz=MOTION_HZ,
        measures=(Measure.ACTIVITY,),
        delay_s=0,
        memory_s=activity.MEMORY_S,
        init=activity.init,
        step=partial(activity.step, is_trunk=False),
        places=frozenset(Place) - TRUNK - {Place.THIGH},  # beside a chest it would tell it twice
    ),
    Estimator(
        key="falls_at_the_waist",
        stream=Stream.ACCELEROMETER,
        n_channels=3,
        rates_hz=MOTION_HZ,
        measures=(),
        delay_s=falls.WAIT_S,
        memory_s=falls.MEMORY_S,
        init=falls.init,
        step=partial(falls.step, network=fall_weights.WAIST, sure=falls.SURE_AT_WAIST),
        places=frozenset({Place.WAIST}),
    ),
    Estimator(
        key="falls_at_the_thigh",
        stream=Stream.ACCELEROMETER,
        n_channels=3,
        rates_hz=MOTION_HZ,
        measures=(),
        delay_s=falls.WAIT_S,
        memory_s=falls.MEMORY_S,
        init=falls.init,
        step=partial(falls.step, network=fall_weights.POCKET, sure=falls.SURE_IN_POCKET),
        places=frozenset({Place.THIGH}),
    ),
    Estimator(
        key="blows",
        stream=Stream.FLOW,
        n_channels=1,
        rates_hz=(50, 1000),
        measures=finder.MEASURES,
        delay_s=0,
        memory_s=finder.MEMORY_S,
        init=finder.init,
        step=finder.step,
    ),
    Estimator(
        key="radar",
        stream=Stream.RADAR_IQ,
        n_channels=2,
        rates_hz=(50, 2000),
        measures=vital_signs.MEASURES,
        delay_s=0,
        memory_s=vital_signs.MEMORY_S,
        init=vital_signs.init,
        step=vital_signs.step,
    ),
    Estimator(
        key="radar_published",
        stream=Stream.RADAR_IQ,
        n_channels=2,
        rates_hz=(50, 2000),
        measures=published.MEASURES,
        delay_s=0,
        memory_s=published.MEMORY_S,
        init=published.init,
        step=published.step,
        chosen=WITH_PUBLISHED_RADAR,
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
    Estimator(
        key="whereabouts",
        stream=Stream.WIFI_RSSI,
        n_channels=whereabouts.CHANNELS,
        rates_hz=(1, 1),
        measures=whereabouts.MEASURES,
        delay_s=whereabouts.DELAY_S,
        memory_s=whereabouts.MEMORY_S,
        init=whereabouts.init,
        step=whereabouts.step,
        companions=(COMPASS,),
        fills_channels=True,
        circumstance=attrgetter("maps"),
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


CHOSEN = int(np.bitwise_or.reduce([each.chosen for each in ESTIMATORS]))
"""Bits of the flags of a frame that decide what runs."""

MOST_CHANNELS: dict[int, int] = {
    int(stream): max(
        [each.n_channels for each in ESTIMATORS if each.stream == stream]
        + [
            companion.n_channels
            for each in ESTIMATORS
            for companion in each.companions
            if companion.stream == stream
        ]
    )
    for stream in sorted(
        {each.stream for each in ESTIMATORS}
        | {companion.stream for each in ESTIMATORS for companion in each.companions}
    )
}
"""Streams from which something is computed, and how many of their channels are taken at most."""

FILLED = frozenset(int(each.stream) for each in ESTIMATORS if each.fills_channels)
"""Streams whose channels that are not sent are NaN."""


@lru_cache(maxsize=1024)
def chains_for(
    stream: int, channels: int, rate_hz: int, place: int = 0, flags: int = 0
) -> tuple[Chain, ...]:
    """What runs on such frames: chains of estimators, the ones with companions apart.

    Parameters
    ----------
    flags : what their device chose, of `CHOSEN`
    """
    chosen: list[Estimator] = []
    for estimator in ESTIMATORS:
        if not estimator.takes(stream, channels, rate_hz, place, flags):
            continue
        name = estimator.instead_of
        if not name or all(other.instead_of != name for other in chosen):
            chosen.append(estimator)
    chains: dict[tuple[Companion, ...], list[Estimator]] = {}
    for estimator in chosen:
        of_same = chains.get(estimator.companions, ())
        before = {name for other in of_same for name in (other.key, other.instead_of)}
        if estimator.after is None or estimator.after in before:
            chains.setdefault(estimator.companions, []).append(estimator)
    return tuple(tuple(chain) for chain in chains.values())


def forgets_s(chain: Chain) -> int:
    """After so many seconds without samples a chain begins anew."""
    return max(estimator.forgets_s for estimator in chain)


def memory_of(stream: int) -> int:
    """Seconds after a sample of a stream in which its estimators' values still rest on it."""
    of_stream = [each.memory_s for each in ESTIMATORS if each.stream == stream]
    return max(of_stream, default=0)


def delay_of(stream: int) -> int:
    """Seconds before a sample of a stream in which its estimators' values already rest on it."""
    of_stream = [each.delay_s for each in ESTIMATORS if each.stream == stream]
    return max(of_stream, default=0)


def warm_up_s(memory_s: int) -> int:
    """A run that begins so long before gives the same values of estimators that remember so much.

    The silence besides, after which rows begin anew and count as just begun.
    """
    return memory_s + FORGOTTEN_S + 2


def mains_of(stream: int) -> tuple[int, ...]:
    """Streams whose values rest on samples of this one: itself, and those it accompanies."""
    return tuple(
        sorted(
            {
                int(each.stream)
                for each in ESTIMATORS
                if each.stream == stream or stream in {one.stream for one in each.companions}
            }
        )
    )


def companions_of(stream: int) -> tuple[int, ...]:
    """Streams that are needed beside this one."""
    beside = {
        int(one.stream) for each in ESTIMATORS if each.stream == stream for one in each.companions
    }
    return tuple(sorted(beside - {stream}))
