"""How a service runs: signals, loops, shutdown, the clock, retries, bounded channels, settings."""
