"""The three writers of storage and what they need of the world."""
