"""System D: a simulated home hub with an ECG unit, an oximeter and a spirometer behind it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.native_source import NativeBytes
from devices.simulators.physiology.happenings import HappeningKind
from devices.simulators.physiology.patient import Patient
from devices.simulators.physiology.variation import generator
from shared.codecs.smsg import layout
from shared.codecs.smsg.layout import DeviceType, Ecg, Message, Oximeter, Result, Spirometer

CODEC = "smsg"
ECG_HZ, PER_MESSAGE = 200, 10
STEP_V, GAIN, MIDDLE_V = 5.0 / 65_535, 600.0, 2.5
BLOW_EACH_S = 45
FIRST_RESULTS = 3
PROBE_OFF_STATUS = 0b110  # searching for pulse, pulse search timeout
QUIET_STATUS = 0b001  # pulse wave detected


@final
class HomeHub:
    """All units of one hub as one stream of bytes, cut where the modem happens to cut it.

    Attributes
    ----------
    memory : results of the spirometer that were not cleared
    """

    def __init__(self, patient: Patient, *, number: int = 1) -> None:
        self.is_measuring = True
        self.memory: list[Result] = []
        self._patient = patient
        self._lead = patient.lead("I")
        base = number << 8
        self.ecg, self.oximeter, self.spirometer = base + 1, base + 2, base + 3
        self._is_on = {self.ecg: True, self.oximeter: True}
        self._status = QUIET_STATUS
        self._is_new = True
        self._n_blows = 0
        self._announced: tuple[int, int] | None = None  # results and ask; not any more after a blow

    def second(self, second: int, start_us: int) -> list[NativeBytes | Outgoing]:
        """Two pieces of the stream; the border lies inside a message."""
        if not self._n_blows:
            for _ in range(FIRST_RESULTS):
                self.blow(start_us)
        elif second and second % BLOW_EACH_S == 0:
            self.blow(start_us)
        parts: list[bytes] = []
        if self._is_new:
            self._is_new = False
            parts += self._identifiers()
        before = len(b"".join(parts))
        ecg = self._ecg_messages(second)
        stream = b"".join([*parts, *ecg, *self._oximeter_messages(second)])
        self._patient.forget(float(second))
        if not stream:
            return []
        chance = generator(self._patient.seed, 0xC08, second)
        cut = int(chance.integers(len(stream) // 4, 3 * len(stream) // 4 + 1))
        # The time of a piece is that of the first sample in the messages that end in it.
        size = layout.HEAD.size + 2 * PER_MESSAGE
        whole = min(max(0, cut - before) // size, len(ecg))
        later_us = start_us + whole * PER_MESSAGE * 1_000_000 // ECG_HZ
        return [
            NativeBytes(CODEC, stream[:cut], start_us),
            NativeBytes(CODEC, stream[cut:], later_us),
        ]

    def counts(self, second: int) -> NDArray[np.int64]:
        """What the ECG unit's converter gives for a second."""
        volts = self._lead.second(second, ECG_HZ) * GAIN / 1e3 + MIDDLE_V
        return np.clip(np.round(volts / STEP_V), 0, 65_535).astype(np.int64)

    def readings(self, second: int) -> tuple[int, int]:
        """SpO2 and pulse rate as the oximeter module says them."""
        truth = self._patient.truth(max(0.0, second - 8.0), second + 1.0)
        rate = truth.heart_rate_per_min
        return round(truth.spo2_percent), 0 if np.isnan(rate) else round(rate)

    def blow(self, now_us: int) -> Result:
        """One more result in the spirometer's memory."""
        chance = generator(self._patient.seed, 0xB10, self._n_blows)
        fvc = int(chance.integers(3_000, 5_000))
        share = float(chance.uniform(0.75, 0.85))
        result = Result(
            number=len(self.memory),
            taken=datetime.fromtimestamp(now_us // 1_000_000, UTC).replace(tzinfo=None),
            pef_l_min=int(chance.integers(380, 560)),
            fvc_ml=fvc,
            fev1_ml=round(fvc * share),
            fef75_ml_s=int(chance.integers(1_200, 2_000)),
            fef50_ml_s=int(chance.integers(3_000, 4_500)),
            fef25_ml_s=int(chance.integers(5_500, 7_000)),
            fef75_25_ml_s=int(chance.integers(2_500, 4_000)),
        )
        self._n_blows += 1
        self._announced = None
        self.memory.append(result)
        return result

    def hear(self, data: bytes, now_us: int) -> list[NativeBytes]:
        """Pass what the server said on to the units; give what they answer."""
        try:
            messages = layout.split(data)
        except ValueError:
            return []
        answer = b"".join(part for message in messages for part in self._answer(message))
        return [NativeBytes(CODEC, answer, now_us)] if answer else []

    def adjust(self, settings: Mapping[str, Any]) -> None:
        """Refuse: nothing of it can be set.

        Raises
        ------
        ValueError : there is a setting
        """
        if settings:
            raise ValueError("nothing of this hub can be set")

    def restart(self) -> None:
        """Plug all in again; the spirometer keeps its results."""
        self.is_measuring = True
        self._is_on = dict.fromkeys(self._is_on, True)
        self._status, self._is_new = QUIET_STATUS, True

    def _identifiers(self, only: int | None = None) -> list[bytes]:
        units = (
            (DeviceType.CORE, layout.CORE, "core 1.0"),
            (DeviceType.ECG, self.ecg, "ecg 1.2"),
            (DeviceType.OXIMETER, self.oximeter, "oxi 2.0"),
            (DeviceType.SPIROMETER, self.spirometer, "spiro 1.1"),
        )
        return [
            layout.encode_identifier(kind, unit, text)
            for kind, unit, text in units
            if only is None or unit == only
        ]

    def _answer(self, message: Message) -> list[bytes]:
        kind, type_, _, unit, payload = message
        key = (kind, type_)
        if key == (DeviceType.SERVER, layout.IDENTIFIER):
            return self._identifiers(None if unit == layout.CORE else unit)
        if unit in self._is_on and key in _SWITCHES:
            self._is_on[unit] = _SWITCHES[key]
            return [layout.encode(Message(kind, type_, unit, layout.SERVER))]
        if unit != self.spirometer or kind != DeviceType.SPIROMETER:
            return []
        if type_ == Spirometer.RESULT_HEADER and len(payload) == layout.ASK.size:
            (ask,) = layout.ASK.unpack(payload)
            results = [layout.encode_result(unit, result) for result in self.memory]
            return [self._announce(ask), *results]
        if type_ == Spirometer.CLEAR:
            count, ask = layout.ANNOUNCED.unpack(payload)
            if self._announced == (count, ask):
                self.memory.clear()
            return [self._announce(ask)]
        return []

    def _announce(self, ask: int) -> bytes:
        self._announced = len(self.memory), ask
        return layout.encode_result_header(self.spirometer, len(self.memory), ask)

    def _ecg_messages(self, second: int) -> list[bytes]:
        if not self._is_on[self.ecg]:
            return []
        data = self.counts(second).astype(">u2").tobytes()
        size = 2 * PER_MESSAGE
        return [
            layout.encode_ecg(self.ecg, data[at : at + size]) for at in range(0, len(data), size)
        ]

    def _oximeter_messages(self, second: int) -> list[bytes]:
        if not self._is_on[self.oximeter]:
            return []
        off = self._patient.schedule.intervals(HappeningKind.PROBE_OFF, second, second + 1.0)
        status = PROBE_OFF_STATUS if off else QUIET_STATUS
        told = [layout.encode_error(self.oximeter, status)] if status != self._status else []
        self._status = status
        spo2, pulse = (0, 0) if off else self.readings(second)
        return [
            *told,
            layout.encode_spo2(self.oximeter, spo2),
            layout.encode_pulse(self.oximeter, pulse),
        ]


_SWITCHES = {
    (DeviceType.ECG, Ecg.START): True,
    (DeviceType.ECG, Ecg.STOP): False,
    (DeviceType.OXIMETER, Oximeter.START): True,
    (DeviceType.OXIMETER, Oximeter.STOP): False,
}
