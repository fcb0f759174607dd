"""Models of devices."""
