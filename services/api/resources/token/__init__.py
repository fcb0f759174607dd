"""Log-in: access tokens, refresh tokens that rotate, log-out."""
