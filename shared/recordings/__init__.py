"""Files of recordings: bytes to arrays and back, no I/O."""
