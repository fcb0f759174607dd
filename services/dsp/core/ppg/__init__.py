"""Photoplethysmogram: pulse rate, oxygen saturation, perfusion."""
