"""Forced breaths of a patient, beside what is expected of somebody like them."""
