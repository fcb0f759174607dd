"""A whole private system on one machine: its servers, services and simulated patients."""
