"""System B: a simulated Telecare-ECG monitor: blocks, a card with recordings, and Modbus."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from devices.simulators.bedside_monitor import Outgoing
from devices.simulators.faults_on_request import Fault, FaultPlan
from devices.simulators.native_source import NativeBytes
from devices.simulators.physiology.happenings import HappeningKind
from devices.simulators.physiology.patient import Patient
from devices.simulators.physiology.variation import white_noise
from devices.simulators.telecare_card import NOTICE_EVERY_S, MonitorCard
from shared.codecs.modbus.codec import NAME as MODBUS
from shared.codecs.modbus.frames import Form
from shared.codecs.telecare_file.blocks import Status, block, encode_block
from shared.codecs.telecare_file.codec import CODEC as TELECARE
from shared.codecs.telecare_file.leads import CONSTANTS, millivolts_a_count
from shared.codecs.telecare_file.text import Recording, card_name, write_recording

ECG_HZ, MOTION_HZ = 500, 50
RECORDING_S = 10
FIRST_RECORDING_S = 2
LA_OFF = 1
COUNTS_A_G = CONSTANTS["counts_per_g"].value


@final
class TelecareMonitor:
    """Sends a block a second; keeps ten-second recordings on its card and tells of them.

    Attributes
    ----------
    card : its files, and the Modbus slave
    """

    def __init__(
        self, patient: Patient, plan: FaultPlan, *, number: int = 1, form: Form = Form.RTU
    ) -> None:
        self.is_measuring = True
        self.device_code = f"{0x018417EA190000B0 + number:016X}"
        self.card = MonitorCard(self.device_code, form=form)
        self.card.taken_ecg = self._record
        self._patient, self._plan = patient, plan
        self._leads = (patient.lead("I"), patient.lead("II"))
        self._scale_mv = millivolts_a_count({name: one.value for name, one in CONSTANTS.items()})
        self._status, self._leads_off = Status.SIMULATED, 0
        self._recorded: list[NDArray[np.int16]] | None = None
        self._began_us = 0
        self._told_s = 0.0

    def second(self, second: int, start_us: int) -> list[NativeBytes | Outgoing]:
        """One block; the notice of a recording where one is whole; a reminder of one unanswered."""
        words = self.words(second)
        if second == FIRST_RECORDING_S:
            self._record()
        off = self._patient.schedule.intervals(HappeningKind.LEAD_OFF, second, second + 1.0)
        low = self._plan.is_on(Fault.LOW_BATTERY, second)
        leads_off = LA_OFF if off else 0
        status = Status.SIMULATED | (Status.BATTERY_LOW if low else Status(0))
        sent: list[NativeBytes | Outgoing] = [
            NativeBytes(
                TELECARE.name,
                encode_block(
                    block(
                        words,
                        self._motion(second),
                        rate_hz=ECG_HZ,
                        motion_hz=MOTION_HZ,
                        leads_off=leads_off,
                        leads_changed=leads_off ^ self._leads_off,
                        status=status,
                        status_changed=status ^ self._status,
                        battery=round(self._plan.battery_percent(second)),
                        temperature_c=28,
                    )
                ),
                start_us,
            )
        ]
        self._status, self._leads_off = status, leads_off
        self._patient.forget(float(second))
        notice = self._go_on(words, second, start_us)
        if notice is not None:
            sent.append(NativeBytes(MODBUS, notice, start_us + 1_000_000))
        return sent

    def words(self, second: int) -> NDArray[np.int16]:
        """LA, LL, RA against the Wilson terminal, whose sum is 0."""
        one, two = (lead.second(second, ECG_HZ) / self._scale_mv for lead in self._leads)
        right_arm = -(one + two) / 3
        words = np.stack([one + right_arm, two + right_arm, right_arm], axis=1)
        return np.clip(np.round(words), -32_767, 32_767).astype(np.int16)

    def hear(self, data: bytes, now_us: int) -> list[NativeBytes]:
        """The card answers the server's requests."""
        answer = self.card.hear(data)
        return [] if answer is None else [NativeBytes(MODBUS, answer, now_us)]

    def adjust(self, settings: Mapping[str, Any]) -> None:
        """Refuse: nothing of it can be set.

        Raises
        ------
        ValueError : there is a setting
        """
        if settings:
            raise ValueError("nothing of this monitor can be set")

    def restart(self) -> None:
        """Keep the card, forget a recording that was not whole."""
        self.is_measuring = True
        self._recorded = None
        self.card.restart()

    def _record(self) -> None:
        if self._recorded is None:
            self._recorded = []

    def _go_on(self, words: NDArray[np.int16], second: int, start_us: int) -> bytes | None:
        if self._recorded is not None:
            if not self._recorded:
                self._began_us = start_us
            self._recorded.append(words)
            if len(self._recorded) == RECORDING_S:
                self._told_s = float(second)
                return self._keep(np.concatenate(self._recorded))
        if second - self._told_s >= NOTICE_EVERY_S:
            self._told_s = float(second)
            return self.card.reminder()
        return None

    def _keep(self, words: NDArray[np.int16]) -> bytes:
        self._recorded = None
        recorded = datetime.fromtimestamp(self._began_us // 1_000_000, UTC).replace(tzinfo=None)
        name = card_name(recorded)
        recording = Recording(
            file=name,
            recorded=recorded,
            device_code=self.device_code,
            rate_hz=ECG_HZ,
            seconds=RECORDING_S,
            words=words,
            temperature_c=28,
        )
        return self.card.keep(name, write_recording(recording))

    def _motion(self, second: int) -> NDArray[np.int16]:
        noise = 0.02 * white_noise(self._patient.seed, 91, second, 3 * MOTION_HZ).reshape(-1, 3)
        counts = (noise + np.array([0.0, -1.0, 0.0])) * COUNTS_A_G
        motion: NDArray[np.int16] = np.round(counts).astype(np.int16)
        return motion
