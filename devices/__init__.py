"""What runs at the other end of MQTT: the SDK for device makers, and simulated devices."""
