"""Where patients are, and were."""
