"""Stored samples of patients, hot frames and cold blocks as one, for all who show them."""
