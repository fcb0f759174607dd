"""Alarms: the list, acknowledging, pausing the sound."""
