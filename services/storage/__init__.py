"""Storage: moves what travels on the streams to PostgreSQL, exactly once, and says so."""
