import pytest
from asyncpg.exceptions import InsufficientPrivilegeError

from services.api.core.told import is_fault_of_ours, told
from shared.errors import Conflict, Denied, Dependency, Invalid, Unavailable, VitalwireError


def refused_by_the_driver(error: VitalwireError) -> VitalwireError:
    error.__cause__ = InsufficientPrivilegeError("permission denied for table password")
    return error


@pytest.mark.parametrize("kind", [Denied, Invalid, Conflict])
def test_what_a_driver_said_stays_inside(kind: type[VitalwireError]) -> None:
    error = refused_by_the_driver(kind("find_account: permission denied for table password"))
    assert is_fault_of_ours(error)
    assert "password" not in told(error)


def test_where_a_dependency_is_stays_inside() -> None:
    error = refused_by_the_driver(Unavailable(Dependency.POSTGRESQL, "10.0.0.7:5432 refused"))
    assert not is_fault_of_ours(error)
    assert told(error) == "postgresql does not answer now."


def test_what_was_written_for_people_is_told() -> None:
    assert told(Conflict("There is a device of that name.")) == "There is a device of that name."
