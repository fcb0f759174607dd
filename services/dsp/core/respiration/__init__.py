"""Breathing."""
