"""The shipped estimators for a scorer: one factory a task. Core only; nothing imports it.

A scorer calls ``factory(fs, channels)``, pushes samples in pieces of any size and reads results
``{"t": s, ...}``, t counted from the first sample. The stream begins at a whole second here, as
it does not in life.
"""

from services.dsp.scorers.breath import breathing_accel, resp
from services.dsp.scorers.heart import ecg_beats, ecg_classes, ecg_noise, hr, hr_running
from services.dsp.scorers.light import ppg_motion, ppg_rate, quality, spo2
from services.dsp.scorers.lungs import spirometry
from services.dsp.scorers.motion import falls, posture, steps
from services.dsp.scorers.places import position
from services.dsp.scorers.radar import radar

__all__ = [
    "breathing_accel",
    "ecg_beats",
    "ecg_classes",
    "ecg_noise",
    "falls",
    "hr",
    "hr_running",
    "position",
    "posture",
    "ppg_motion",
    "ppg_rate",
    "quality",
    "radar",
    "resp",
    "spirometry",
    "spo2",
    "steps",
]
