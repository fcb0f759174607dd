"""Plain ways from MQTT to PostgreSQL, to compare with: no identity, no repeats, no receipts."""
