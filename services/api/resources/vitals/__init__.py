"""Stored vital signs of a patient, in the resolution that fits."""
