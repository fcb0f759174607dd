"""Wards and their beds, as far as the user may see who lies there."""
