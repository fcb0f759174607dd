"""Tests a device against the interface: what is right, what is wrong, and where in the bytes."""
