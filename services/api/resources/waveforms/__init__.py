"""Stored samples of a patient, thinned so that peaks stay."""
