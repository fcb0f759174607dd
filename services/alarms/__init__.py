"""Alarms: limits, rules and their states, from vital signs to events and notices."""
