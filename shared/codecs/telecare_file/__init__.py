"""The ECG of a Telecare-ECG monitor: blocks as it runs, and the text files on its card."""
