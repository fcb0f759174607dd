"""What is wished of a device, and what is in force."""
