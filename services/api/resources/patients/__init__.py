"""Patients: who they are, where they lie, what they wear."""
