"""Private servers and helpers for tests."""
