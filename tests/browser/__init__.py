"""The page in Chromium against a whole running system."""
