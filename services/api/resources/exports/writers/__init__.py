"""One writer a format: each gives the bytes of its file a piece at a time."""
