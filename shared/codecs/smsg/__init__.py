"""The home hub's stream of SMSG messages: ECG, oximeter and spirometer behind one core unit."""
