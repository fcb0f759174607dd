"""What is done to samples before any estimator sees them."""
