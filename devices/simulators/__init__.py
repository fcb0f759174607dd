"""Simulated devices: patients with known truth, replayed recordings, faults, and fleets."""
