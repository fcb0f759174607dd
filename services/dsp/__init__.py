"""The signal service: from samples to vital signs."""
