"""The signal service's ways to broker and database."""
