"""The event log: every message that matters, with who, what, when and outcome."""
