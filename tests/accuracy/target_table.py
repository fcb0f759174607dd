"""Every target, in the order of the page; `targets` tells what the columns mean.

Numbers of unseen people that stand here are those of the page named beside them, which tells the
program that gave them; all others are read off what was scored.
"""

from collections.abc import Iterator, Mapping

from deploy.local.layout import PROJECT
from tests.accuracy.targets import (
    UNSEEN_CLASSES,
    Seen,
    Target,
    least,
    of,
    pooled,
    written,
)

_MINUTE = "/min"
_COSTS = PROJECT / "docs/performance.md"


def _ecg() -> Iterator[Target]:
    yield Target(
        task="ecg_beats", what="beats, 15 hard records, F1", wanted=99.85, peer="99.52 (gqrs)",
        figure=of("ecg_beats", "TOTAL", "F1%"), seen=Seen.LEARNED, unseen=99.68,
        unseen_seen=Seen.CHOSEN, page="ecg.md",
    )  # fmt: skip
    yield Target(
        task="ecg_beats", what="beats, the worst record, F1", wanted=98.8, peer="97.95 (gqrs)",
        figure=least("ecg_beats", "F1%"), seen=Seen.LEARNED, unseen=98.43,
        unseen_seen=Seen.CHOSEN, page="ecg.md",
    )  # fmt: skip
    yield Target(
        task="ecg_noise", what="beats in electrode motion, 24 to -6 dB, F1", wanted=94.5,
        peer="91.06 (swt)", figure=of("ecg_noise", "TOTAL", "F1%"), seen=Seen.LEARNED,
        unseen=93.6, unseen_seen=Seen.CHOSEN, page="ecg.md",
    )  # fmt: skip
    yield Target(
        task="hr", what="heart rate, 10 s, mean error", wanted=0.33, unit=_MINUTE, is_most=True,
        peer="0.68", figure=of("hr", "TOTAL", "MAE"), seen=Seen.LEARNED, page="ecg.md",
    )  # fmt: skip
    yield Target(
        task="hr_running", what="heart rate of runners, 8 s, mean error", wanted=0.22,
        unit=_MINUTE, is_most=True, peer="0.56", figure=of("hr_running", "TOTAL", "MAE"),
        page="ecg.md",
    )  # fmt: skip
    for kind, name, wanted, peers in (("V", "ventricular", (93, 95), (85, 39)),
                                      ("S", "supraventricular", (82, 87), (21, 21))):  # fmt: skip
        for key, what, least_wanted, peer in zip(
            ("Se%", "PPV%"), ("sensitivity", "predictivity"), wanted, peers, strict=True
        ):
            yield Target(
                task="ecg_classes", what=f"{name} beats, {what}", wanted=least_wanted,
                peer=f"{peer} (floor)", figure=of("ecg_classes", "TOTAL", f"{kind}_{key}"),
                seen=Seen.LEARNED if kind == "V" else Seen.CHOSEN,
                unseen=of(UNSEEN_CLASSES, "TOTAL", f"{kind}_{key}"), unseen_seen=Seen.CHOSEN,
                page="classes.md",
            )  # fmt: skip
    yield Target(
        task="quality", what="quality of an ECG, AUC", wanted=0.995, unit="", peer="0.92",
        figure=of("quality", "ECG all", "AUC"), seen=Seen.LEARNED, page="ecg.md",
    )  # fmt: skip


def _light() -> Iterator[Target]:
    yield Target(
        task="ppg_rate", what="pulse rate in bed, 10 s, mean error", wanted=0.40, unit=_MINUTE,
        is_most=True, peer="0.77 (HeartPy)", figure=of("ppg_rate", "TOTAL", "MAE"),
        seen=Seen.LEARNED, unseen=0.40, page="ppg.md",
    )  # fmt: skip
    yield Target(
        task="ppg_rate", what="pulse rate in bed, answered", wanted=90, peer="",
        figure=of("ppg_rate", "TOTAL", "answered%"), seen=Seen.LEARNED, unseen=98.6,
        page="ppg.md",
    )  # fmt: skip
    yield Target(
        task="ppg_motion", what="pulse rate in motion, 8 s, mean error", wanted=1.8,
        unit=_MINUTE, is_most=True, peer="2.00 (WFPV, published)",
        figure=of("ppg_motion", "TOTAL", "MAE"), seen=Seen.CHOSEN, unseen=1.74, page="ppg.md",
    )  # fmt: skip
    yield Target(
        task="ppg_motion", what="pulse rate in motion, within 5 /min", wanted=93,
        peer="91 (WFPV, published)", figure=of("ppg_motion", "TOTAL", "within5%"),
        seen=Seen.CHOSEN, unseen=93.0, page="ppg.md",
    )  # fmt: skip
    yield Target(
        task="quality", what="quality of a pulse, AUC", wanted=0.95, unit="", peer="0.83",
        figure=of("quality", "PPG all", "AUC"), seen=Seen.LEARNED, unseen=0.94, page="ppg.md",
    )  # fmt: skip
    yield Target(
        task="spo2", what="saturation 98 to 70 %, refitted, A_rms", wanted=3.1, is_most=True,
        peer="3.21 (floor)", figure=of("spo2", "TOTAL", "refit_A_rms"), seen=Seen.CHOSEN,
        page="ppg.md",
    )  # fmt: skip


def _breath() -> Iterator[Target]:
    for source, name, wanted, peer in (("RESP", "impedance", 0.30, "0.50"),
                                       ("ECG", "the ECG", 0.95, "2.67"),
                                       ("PPG", "light", 1.15, "2.37")):  # fmt: skip
        yield Target(
            task="resp", what=f"breath from {name}, 60 s, mean error", wanted=wanted,
            unit=_MINUTE, is_most=True, peer=peer, figure=of("resp", "TOTAL", f"{source}_MAE"),
            seen=Seen.CHOSEN, page="respiration.md",
        )  # fmt: skip
    yield Target(
        task="resp", what="breath, all answered", wanted=100, peer="",
        figure=of("resp", "TOTAL", "answered%"), page="respiration.md",
    )  # fmt: skip
    yield Target(
        task="breathing_accel", what="breath from the chest's motion, mean error", wanted=0.07,
        unit=_MINUTE, is_most=True, peer="0.075 with 91 % answered",
        figure=of("breathing_accel", "TOTAL", "mae_per_min"), seen=Seen.CHOSEN,
        page="respiration.md",
    )  # fmt: skip
    yield Target(
        task="breathing_accel", what="breath from the chest's motion, answered", wanted=100,
        peer="", figure=of("breathing_accel", "TOTAL", "answered_pct"), page="respiration.md",
    )  # fmt: skip


def _radar() -> Iterator[Target]:
    for key, what, wanted, peer in (
        ("respiration_right_pct", "breath right", 99.5, "99.3"),
        ("apnoea_pct", "apnoea right", 100, "77.8"),
        ("heart_right_of_answered_pct", "heart rate, right of those answered", 99, ""),
        ("heart_answered_pct", "heart rate, answered", 93, "48.9 % right of all"),
    ):
        yield Target(
            task="radar", what=f"radar, simulated: {what}", wanted=wanted, peer=peer,
            figure=of("radar", "TOTAL", key), page="radar.md",
        )  # fmt: skip
    yield Target(
        task="radar", what="radar, simulated: empty rooms answered", wanted=0, is_most=True,
        peer="100", figure=of("radar", "TOTAL", "empty_answered_pct"), page="radar.md",
    )  # fmt: skip


def _motion() -> Iterator[Target]:
    for key, what, wanted, peer in (("pockets_pct", "pockets and pouch", 99, "98.7"),
                                    ("slow_pct", "slow", 96, "95.3"),
                                    ("back_pct", "lower back", 99, "98.5")):  # fmt: skip
        yield Target(
            task="steps", what=f"steps, {what}", wanted=wanted, peer=peer,
            figure=of("steps", "TOTAL", key), seen=Seen.CHOSEN, page="motion.md",
        )  # fmt: skip
    yield Target(
        task="steps", what="false steps at rest", wanted=5, unit="an hour", is_most=True,
        peer="0", figure=of("steps", "TOTAL", "false_per_h"), seen=Seen.CHOSEN, page="motion.md",
    )  # fmt: skip
    for group, name, wishes, best in (("sisfall", "SisFall", (99, 99), ("100", "100")),
                                       ("mobifall", "MobiFall", (93, 96), ("88.9", "94.3")),
                                       ):  # fmt: skip
        for key, count, what, least_wanted, peer in (
            ("sensitivity_pct", "falls", "found", wishes[0], best[0]),
            ("specificity_pct", "other", "silent at other movement", wishes[1], best[1]),
        ):
            yield Target(
                task="falls", what=f"falls at 10 Hz, {name}, {what}", wanted=least_wanted,
                peer=f"{peer} (trees, whole trial)", seen=Seen.CHOSEN, page="motion.md",
                figure=pooled("falls", group, key, count, rate_hz=10.0),
            )  # fmt: skip
    yield Target(
        task="posture", what="posture, simulated wearers", wanted=99.5, peer="99.5 (tilt)",
        figure=of("posture", "TOTAL", "sim_right_pct"), page="motion.md",
    )  # fmt: skip
    yield Target(
        task="posture", what="posture, real trials", wanted=99, peer="100 (tilt)",
        figure=of("posture", "TOTAL", "real_right_pct"), page="motion.md",
    )  # fmt: skip
    yield Target(
        task="posture", what="posture, settled", wanted=1.3, unit="s", is_most=True, peer="",
        figure=of("posture", "TOTAL", "wait_s"), page="motion.md",
    )  # fmt: skip


def _places_and_lungs() -> Iterator[Target]:
    for record, key, what, wanted, unit, peer in (
        ("all", "mean_m", "mean error", 3.3, "m", "3.44"),
        ("all", "room_pct", "right room", 97.5, "%", "96.9"),
        ("six", "mean_m", "mean error with six access points", 5.3, "m", "5.47"),
    ):
        yield Target(
            task="position", what=f"place, {what}", wanted=wanted, unit=unit,
            is_most=unit == "m", peer=peer, figure=of("position", record, key),
            page="position.md",
        )  # fmt: skip
    for record, said, wanted_of in (
        ("mean of clean", "clean", ((0.06, "0.06"), (0.05, "0.05"), (0.1, "0.00"))),
        ("mean of offset", "zero 15 mL/s off", ((1, "1.58"), (0.4, "0.78"), (0.33, "0.33"))),
    ):
        for measure, (wanted, peer) in zip(("fvc", "fev1", "pef"), wanted_of, strict=True):
            yield Target(
                task="spirometry", what=f"{measure.upper()}, {said}, error", wanted=wanted,
                is_most=True, peer=peer, figure=of("spirometry", record, f"{measure}_err_pct"),
                page="spirometry.md",
            )  # fmt: skip


def _cost() -> Iterator[Target]:
    yield Target(
        task="", what="CPU of ECG beats, rate, quality, 256 devices together", wanted=0.04,
        unit="s a signal-hour and device", is_most=True, peer="0.04 (sleepecg, in C)",
        figure=written(_COSTS, "ecg, 250 Hz", 3), page="../performance.md",
    )  # fmt: skip


TARGETS = (
    *_ecg(), *_light(), *_breath(), *_radar(), *_motion(), *_places_and_lungs(), *_cost(),
)  # fmt: skip

TASKS: Mapping[str, str] = {
    "spirometry": "26 standard waveforms, three ways each",
    "breathing_accel": "one person, lying, paced, 16 recordings",
    "position": "1,010 scans of one floor",
    "spo2": "58 points of one person",
    "posture": "12 simulated wearers, 47 acted trials",
    "steps": "walks of three sets, standing, lying",
    "hr_running": "people running, chest ECG",
    "ppg_motion": "people running and exercising, wrist",
    "ppg_rate": "26 people in intensive care",
    "resp": "26 people in intensive care, three sources",
    "radar": "57 simulated scenes",
    "ecg_noise": "two records, electrode motion, 24 to -6 dB",
    "hr": "15 records, 10 s",
    "ecg_beats": "15 records, EC57",
    "ecg_classes": "15 records without paced beats, EC57",
    UNSEEN_CLASSES: "the same, each judged by a net that has not seen the person",
    "quality": "clean and noisy stretches; right and wrong pulse rates",
    "falls": "acted falls, people not seen by the nets; at the rate of the set, then at 10 Hz",
}
"""What is scored, in the order of a first run: the shortest first."""


def targets_of(task: str) -> list[Target]:
    return [target for target in TARGETS if target.task == task]
