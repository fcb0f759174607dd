"""Body temperature."""
