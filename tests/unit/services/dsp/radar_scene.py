"""What a 24 GHz radar sees, with a known truth: simple, seeded, not the simulator's physiology."""

from dataclasses import dataclass

import numpy as np

from tests.unit.services.dsp.signals import Floats

WAVELENGTH_MM = 12.49


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Somebody, or nobody, before the radar; mm from peak to peak, V.

    Attributes
    ----------
    breath_per_min : 0: nobody breathes
    heart_per_min : 0: no heart
    still_s : from when to when the breath is held
    moved_s : from when to when the body moves
    curtain_mm : RMS of something that moves at random below 0.5 Hz
    """

    breath_per_min: float = 15.0
    breath_mm: float = 6.0
    heart_per_min: float = 70.0
    heart_mm: float = 0.35
    noise_v: float = 0.003
    hum_v: float = 0.0
    still_s: tuple[float, float] | None = None
    moved_s: tuple[float, float] | None = None
    curtain_mm: float = 0.0
    seed: int = 0


EMPTY = Scene(breath_per_min=0, heart_per_min=0)


def i_and_q(scene: Scene, duration_s: float, rate_hz: int) -> Floats:
    """(2, samples) in V, with offsets, unequal gains and a skewed phase."""
    rng = np.random.default_rng(scene.seed)
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    x = scene.breath_mm * _breath(scene, rng, t) + scene.heart_mm * _heart(scene, rng, t)
    if scene.moved_s:
        begin, end = scene.moved_s
        part = np.clip((t - begin) / (end - begin), 0, 1)
        x += 30 * np.sin(np.pi * part) ** 2 * np.sin(2 * np.pi * 1.3 * t) + 5 * part
    if scene.curtain_mm:
        spectrum = np.fft.rfft(rng.standard_normal(len(t)))
        spectrum[np.fft.rfftfreq(len(t), 1 / rate_hz) > 0.5] = 0
        sway = np.fft.irfft(spectrum, len(t))
        x += scene.curtain_mm * sway / sway.std()
    phase = 4 * np.pi * x / WAVELENGTH_MM + rng.uniform(0, 2 * np.pi)
    skew, gain = rng.uniform(-0.12, 0.12), rng.uniform(0.9, 1.1)
    amplitude = 0.4 if scene.breath_per_min or scene.heart_per_min else 0.12
    both = amplitude * np.stack((np.cos(phase), gain * np.sin(phase + skew)))
    both += rng.uniform(-0.5, 0.5, (2, 1)) + scene.hum_v * np.sin(2 * np.pi * 50 * t)
    return np.asarray(both + scene.noise_v * rng.standard_normal(both.shape))


def _breath(scene: Scene, rng: np.random.Generator, t: Floats) -> Floats:
    if not scene.breath_per_min:
        return np.zeros(len(t))
    n = int(t[-1] * scene.breath_per_min / 60) + 3
    length = 60 / scene.breath_per_min * (1 + 0.03 * np.clip(rng.standard_normal(n), -2, 2))
    phase = 2 * np.pi * np.interp(t, np.concatenate(([0], np.cumsum(length))), np.arange(n + 1))
    skewed = phase + 0.35 * np.sin(phase)
    shape = 0.5 * (-np.cos(skewed) + 0.12 * np.cos(2 * skewed))
    if scene.still_s:
        begin, end = scene.still_s
        shape *= np.clip(np.maximum(begin + 1 - t, t - end), 0, 1)
    return np.asarray(shape)


def _heart(scene: Scene, rng: np.random.Generator, t: Floats) -> Floats:
    if not scene.heart_per_min:
        return np.zeros(len(t))
    interval = 60 / scene.heart_per_min
    n = int(t[-1] / interval) + 3
    beats = np.cumsum(interval * (1 + 0.02 * rng.standard_normal(n)))
    since = t[:, None] - beats
    near = np.exp(-0.5 * ((since - 0.22 * interval) / (0.10 * interval)) ** 2)
    back = np.exp(-0.5 * ((since - 0.55 * interval) / (0.12 * interval)) ** 2)
    return np.asarray((near - 0.45 * back).sum(axis=1) / 1.4)
