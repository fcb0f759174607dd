"""Signals of a human body with known truth: pure functions of a seed and of time."""
