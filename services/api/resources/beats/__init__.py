"""Stored heart beats and pulses of a patient."""
