"""Motion for a scorer."""

from dataclasses import replace

import numpy as np

from services.dsp.core.motion import fall_learning, fall_weights, wearing
from services.dsp.core.motion import falls as fall_estimator
from services.dsp.core.motion import posture as postures
from services.dsp.core.motion import steps as step_estimator
from services.dsp.core.motion.fall_network import FallNetwork
from services.dsp.core.windows import SECOND_US, Floats
from services.dsp.scorers.seconds import Result, Seconds


class posture:  # noqa: N801  # the scorer's name
    """Task posture: the wearer stands at first, which tells how the sensors sit."""

    STAND_S = 1.5

    def __init__(self, fs: float, channels: list[str]) -> None:
        assert len(channels) == postures.N_CHANNELS
        self._fs = fs
        self._first = np.empty((0, len(channels)))
        self._state = postures.init(1, int(fs))
        self._seconds: Seconds | None = None

    def push(self, samples: Floats) -> list[Result]:
        """Take samples (n, 6); give a posture each tenth of a second."""
        if self._seconds is not None:
            return self._seconds.push(samples)
        self._first = np.concatenate((self._first, samples))
        if len(self._first) < self.STAND_S * self._fs:
            return []
        return self._begin().push(self._first)

    def finish(self) -> list[Result]:
        """What waits."""
        return [] if self._seconds is None else self._seconds.finish()

    def _begin(self) -> Seconds:
        stood = self._first[: round(self.STAND_S * self._fs)].T  # however it was cut
        self._state = replace(
            self._state,
            chest=wearing.standing(stood[:3])[None],
            thigh=wearing.standing(stood[3:])[None],
        )
        self._seconds = Seconds(self._fs, self._step)
        return self._seconds

    def _step(self, second: Floats, end_s: int) -> list[Result]:
        self._state, told, _ = postures.advance(self._state, second[None])
        begin_s = end_s - 1 - postures.DELAY_S
        return [
            {
                "t": begin_s + k / postures.PER_S,
                "posture": postures.Posture(code).name.lower() if code else None,
            }
            for k, code in enumerate(told.code[0])
        ]


class falls:  # noqa: N801  # the scorer's name
    """Task falls. Untrained it is the shipped estimator; the scorer trains it on other people."""

    _network: FallNetwork | None = None

    def __init__(self, fs: float, channels: list[str]) -> None:
        at_waist = channels[0].startswith("waist")
        shipped = fall_weights.WAIST if at_waist else fall_weights.POCKET
        self._sure = fall_estimator.SURE_AT_WAIST if at_waist else fall_estimator.SURE_IN_POCKET
        self._state = fall_estimator.init(1, int(fs))
        self._judge = self._network or shipped
        self._seconds = Seconds(fs, self._step, more_s=fall_estimator.WAIT_S + 1)
        self.push = self._seconds.push
        self.finish = self._seconds.finish

    @classmethod
    def train(cls, trials: list[tuple[float, list[str], Floats, bool]]) -> None:
        """Learn as the shipped weights did, from (fs, channels, samples, is_fall)."""
        rate_hz = int(trials[0][0])
        samples, fell = [each[2] for each in trials], [each[3] for each in trials]
        at_waist = trials[0][1][0].startswith("waist")
        sizes = fall_learning.AT_WAIST if at_waist else fall_learning.IN_POCKET
        cls._network = fall_learning.learn(
            fall_learning.trials_of(samples, fell, rate_hz, sizes=sizes)
        )

    def _step(self, second: Floats, end_s: int) -> list[Result]:
        begin = np.array([(end_s - 1) * SECOND_US])
        self._state, out = fall_estimator.step(
            self._state, second[None], begin, network=self._judge, sure=self._sure
        )
        return [{"t": each.t / SECOND_US, "fall": True} for each in out.findings]


def steps(fs: float, channels: list[str]) -> Seconds:
    """Task steps."""
    assert len(channels) == step_estimator.N_CHANNELS
    state = step_estimator.init(1, int(fs))

    def take(second: Floats, end_s: int) -> list[Result]:
        nonlocal state
        state, told = step_estimator.advance(state, second[None])
        begin_s = end_s - 1 - step_estimator.WAIT_S - 0.5
        return [
            {"t": begin_s + sample / step_estimator.GRID_HZ, "steps": 1}
            for sample in np.flatnonzero(told.now[0])
        ]

    return Seconds(fs, take, more_s=step_estimator.WAIT_S + 2)
