from services.api.core.alarm_view import alarm_view
from services.api.core.sight import BedName, SeenPatient, WardName
from shared.contracts.identity import PatientKey

LYING = SeenPatient(
    id=PatientKey(7),
    key="p-7kd2m",
    initials="MK",
    ward=WardName(key="north", name="Ward north"),
    bed=BedName(key="04", label="Bed 04"),
    devices=(),
)


def test_the_patient_is_named_by_key_ward_and_bed_of_now_and_nothing_inner_is_shown() -> None:
    view = alarm_view({"id": "a", "patient": 7, "device": 3, "since": 0, "revision": 2}, LYING)
    assert (view["patient"], view["ward"], view["bed"]) == ("p-7kd2m", "north", "04")
    assert view["since"] == "1970-01-01T00:00:00.000000Z"
    assert view["acknowledged_at"] is None
    assert view["unsure"] is False
    assert not view.keys() & {"device", "revision"}


def test_at_home_there_is_no_ward() -> None:
    home = SeenPatient(
        id=PatientKey(7), key="p-7kd2m", initials="MK", ward=None, bed=None, devices=()
    )
    view = alarm_view({}, home)
    assert (view["ward"], view["bed"]) == (None, None)
