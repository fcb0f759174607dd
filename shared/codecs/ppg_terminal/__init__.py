"""Blocks of a WiFi photoplethysmograph terminal: compact JSON, and FIFO bytes of its sensor."""
