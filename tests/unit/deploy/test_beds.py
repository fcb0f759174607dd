"""Who lies where in a run: the ward, and beside it a patient of each device system."""

from deploy.local.processes import RunOptions
from deploy.local.seed import beds
from devices.simulators.systems import SYSTEMS


def test_the_ward_is_as_it_was_without_systems() -> None:
    ward = beds(RunOptions())
    assert [bed.device for bed in ward] == [f"sim-bed-{n:02d}" for n in range(1, 9)]
    assert beds(RunOptions(systems="all"))[:8] == ward


def test_each_system_has_a_bed_and_what_one_wears_is_on_one_patient() -> None:
    further = beds(RunOptions(patients=2, systems="all"))[2:]
    assert {bed.number for bed in further} == set(range(3, 3 + len(SYSTEMS)))
    assert len({bed.patient for bed in further}) == len(SYSTEMS)
    assert len({bed.device for bed in further}) == len(further) == 6
