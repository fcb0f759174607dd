"""Forced breaths: found in the flow, measured."""
