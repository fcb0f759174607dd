"""The accounts of a private system, with the passwords that were made up for it."""

from dataclasses import dataclass

from deploy.local.layout import Layout

# (user name, name shown, role); the first waits for the first vital sign.
PEOPLE = (
    ("clinician", "Clinician on duty", "clinician"),
    ("nurse", "Nurse of ward A", "nurse"),
    ("technician", "Technician", "technician"),
    ("viewer", "Viewer", "viewer"),
    ("admin", "Administrator", "admin"),
    ("patient", "Patient of bed 01", "patient"),
)
CARING = frozenset(["clinician", "nurse", "viewer"])


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account with its generated password."""

    username: str
    password: str
    role: str

    def as_dict(self) -> dict[str, str]:
        """For connection.json."""
        return {"username": self.username, "password": self.password, "role": self.role}


def users(layout: Layout) -> list[User]:
    """The accounts with the passwords of this system."""
    return [
        User(username=name, password=layout.secret(f"user_{name}"), role=role)
        for name, _, role in PEOPLE
    ]
