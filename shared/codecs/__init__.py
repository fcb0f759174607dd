"""The formats that devices speak: one folder each, bytes to messages and back."""
