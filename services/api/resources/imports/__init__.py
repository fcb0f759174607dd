"""Recordings that people bring."""
