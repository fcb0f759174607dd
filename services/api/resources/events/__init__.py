"""Stored events of a patient."""
