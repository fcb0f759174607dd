"""Loops of the alarm service."""
