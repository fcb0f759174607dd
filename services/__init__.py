"""The services of vitalwire; they meet in messages and tables, never in imports."""
