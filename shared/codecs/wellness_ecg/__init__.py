"""The byte stream of a wellness sensor's ECG: a marker and a word for each sample."""
