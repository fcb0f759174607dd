"""Erasure of a patient: ordered here, carried out by storage, certified."""
