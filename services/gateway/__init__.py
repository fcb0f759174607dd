"""Takes what devices say on MQTT, gives it time and identity, and puts it on the streams."""
