"""The binary format of our own devices and SDK."""
