"""Loops of the signal service."""
