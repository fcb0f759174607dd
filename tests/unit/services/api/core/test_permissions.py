import pytest

from services.api.core.permissions import (
    Permission,
    Principal,
    Role,
    SessionId,
    UserId,
    permissions_of,
)


@pytest.mark.parametrize("role", Role)
def test_every_role_has_its_rights_written_down(role: Role) -> None:
    assert permissions_of(role)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.TECHNICIAN])
def test_who_runs_the_system_reads_no_clinical_data(role: Role) -> None:
    assert Permission.READ_CLINICAL not in permissions_of(role)


def test_who_only_looks_changes_nothing() -> None:
    assert permissions_of(Role.VIEWER) == {Permission.READ_CLINICAL}


def test_a_patient_looks_and_claims_devices() -> None:
    assert permissions_of(Role.PATIENT) == {Permission.READ_CLINICAL, Permission.CLAIM_DEVICES}


def test_who_puts_devices_on_patients_cares_for_them() -> None:
    allowed = {role for role in Role if Permission.ASSIGN_DEVICES in permissions_of(role)}
    assert allowed == {Role.CLINICIAN, Role.NURSE}


def test_who_says_what_a_patient_is_cares_for_them() -> None:
    allowed = {role for role in Role if Permission.DESCRIBE_PATIENTS in permissions_of(role)}
    assert allowed == {Role.CLINICIAN, Role.NURSE}


def test_only_the_administrator_reads_the_audit() -> None:
    assert [role for role in Role if Permission.READ_AUDIT in permissions_of(role)] == [Role.ADMIN]


def test_a_principal_may_what_the_role_may() -> None:
    principal = Principal(
        user_id=UserId(1),
        username="nina",
        display_name="Nina",
        role=Role.NURSE,
        session_id=SessionId("s"),
        token_expires_us=0,
    )
    assert principal.may(Permission.SET_LIMITS)
    assert not principal.may(Permission.READ_AUDIT)
