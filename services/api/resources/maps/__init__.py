"""Maps of measured places."""
