"""The JSON format for devices that are easier to program than fast."""
