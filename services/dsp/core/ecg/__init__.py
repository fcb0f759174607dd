"""Electrocardiogram: beats, heart rate, quality."""
