"""The public tables of measures and sample streams."""
