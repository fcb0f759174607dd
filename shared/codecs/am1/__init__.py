"""The text export of an AM1 peak-flow meter."""
