"""Alarm limits of a patient."""
