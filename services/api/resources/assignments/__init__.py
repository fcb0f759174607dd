"""Which patient wears which device: assignments, and codes to claim a device with."""
