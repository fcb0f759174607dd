"""The newest values of those who are watched, so that who comes next needs no database. Pure."""

from collections.abc import Iterable

from services.api.live.items import VitalItem
from services.api.live.waiting import VitalKey
from shared.contracts.identity import PatientKey


class NewestValues:
    """By patient, of each device, measure and method the value of the newest time.

    What is put is remembered; it is the whole only with what there was before, which `complete`
    adds from the database.
    """

    def __init__(self) -> None:
        self._values: dict[PatientKey, dict[VitalKey, VitalItem]] = {}
        self._whole: set[PatientKey] = set()

    def put(self, patient: PatientKey, item: VitalItem) -> bool:
        """Take a value, unless it is of an older time than the one that is there; tells which."""
        values = self._values.setdefault(patient, {})
        known = values.get(item.key)
        if known is not None and known.t_us > item.t_us:
            return False
        values[item.key] = item
        return True

    def complete(self, patient: PatientKey, items: Iterable[VitalItem]) -> None:
        """Add what the database had when the patient was watched already."""
        values = self._values.setdefault(patient, {})
        for item in items:
            known = values.get(item.key)
            if known is None or known.t_us < item.t_us:
                values[item.key] = item
        self._whole.add(patient)

    def is_whole(self, patient: PatientKey) -> bool:
        """Whether nothing newer is in the database."""
        return patient in self._whole

    def of(self, patients: Iterable[PatientKey], *, since_us: int) -> dict[VitalKey, bytes]:
        """The values of these patients that are not older, encoded."""
        return {
            key: item.encoded
            for patient in patients
            for key, item in self._values.get(patient, {}).items()
            if item.t_us >= since_us
        }

    def doubt(self) -> None:
        """Say that values may have been missed."""
        self._whole.clear()

    def forget(self, patient: PatientKey) -> None:
        """Drop the values of a patient whom nobody watches any more."""
        self._values.pop(patient, None)
        self._whole.discard(patient)
