"""Devices: list, create, rotate the credential, revoke."""
