"""How long a patient's data is kept, where that is shorter than for others."""
