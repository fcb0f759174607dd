"""What a role may do. Whose data one may see is the business of ``services.api.access``."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

UserId = NewType("UserId", int)
SessionId = NewType("SessionId", str)


class Role(StrEnum):
    """What kind of user one is; each user has exactly one role."""

    ADMIN = "admin"
    CLINICIAN = "clinician"
    NURSE = "nurse"
    TECHNICIAN = "technician"
    PATIENT = "patient"
    VIEWER = "viewer"


class Permission(StrEnum):
    """One thing that a role may be allowed to do."""

    READ_CLINICAL = "read_clinical"
    ACT_ON_ALARMS = "act_on_alarms"
    SET_LIMITS = "set_limits"
    DESCRIBE_PATIENTS = "describe_patients"
    READ_DEVICES = "read_devices"
    MANAGE_DEVICES = "manage_devices"
    COMMAND_DEVICES = "command_devices"
    ASSIGN_DEVICES = "assign_devices"
    CLAIM_DEVICES = "claim_devices"
    READ_AUDIT = "read_audit"
    ERASE_PATIENTS = "erase_patients"
    IMPORT_RECORDINGS = "import_recordings"
    MANAGE_MAPS = "manage_maps"


# Clinical data is for those who care for the patient: neither the administrator nor the
# technician reads it (features.md, d2), and neither writes what a patient is: sex, birth date and
# height decide limits and expected values. READ_CLINICAL still needs a relation to the patient.
_ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(
        {
            Permission.READ_DEVICES,
            Permission.MANAGE_DEVICES,
            Permission.COMMAND_DEVICES,
            Permission.READ_AUDIT,
            Permission.ERASE_PATIENTS,
            Permission.MANAGE_MAPS,
        }
    ),
    Role.CLINICIAN: frozenset(
        {
            Permission.READ_CLINICAL,
            Permission.ACT_ON_ALARMS,
            Permission.SET_LIMITS,
            Permission.DESCRIBE_PATIENTS,
            Permission.READ_DEVICES,
            Permission.COMMAND_DEVICES,
            Permission.ASSIGN_DEVICES,
            Permission.CLAIM_DEVICES,
            Permission.IMPORT_RECORDINGS,
        }
    ),
    Role.NURSE: frozenset(
        {
            Permission.READ_CLINICAL,
            Permission.ACT_ON_ALARMS,
            Permission.SET_LIMITS,
            Permission.DESCRIBE_PATIENTS,
            Permission.READ_DEVICES,
            Permission.COMMAND_DEVICES,
            Permission.ASSIGN_DEVICES,
            Permission.CLAIM_DEVICES,
            Permission.IMPORT_RECORDINGS,
        }
    ),
    Role.TECHNICIAN: frozenset(
        {
            Permission.READ_DEVICES,
            Permission.MANAGE_DEVICES,
            Permission.COMMAND_DEVICES,
            Permission.IMPORT_RECORDINGS,
            Permission.MANAGE_MAPS,
        }
    ),
    Role.PATIENT: frozenset({Permission.READ_CLINICAL, Permission.CLAIM_DEVICES}),
    Role.VIEWER: frozenset({Permission.READ_CLINICAL}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: a user in one session, with the role that the user has now."""

    user_id: UserId
    username: str
    display_name: str
    role: Role
    session_id: SessionId
    token_expires_us: int

    def may(self, permission: Permission) -> bool:
        """Whether the role of this user includes ``permission``."""
        return permission in _ALLOWED[self.role]


def permissions_of(role: Role) -> frozenset[Permission]:
    """All that a role may do."""
    return _ALLOWED[role]
