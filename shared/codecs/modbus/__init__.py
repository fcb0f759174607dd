"""Modbus as a Telecare-ECG monitor speaks it: notices of new files, and the server's questions."""
