"""Where somebody is indoors, from the strengths of WiFi access points."""
