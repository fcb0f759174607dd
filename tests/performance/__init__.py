"""What a message costs, beside plain peers: ``make bench``."""
