"""The audit trail, for the administrator."""
