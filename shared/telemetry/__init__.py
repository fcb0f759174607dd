"""How a service is watched: log lines, metrics, trace context and health."""
