"""Decisions of the gateway: pure, with time as an argument."""
