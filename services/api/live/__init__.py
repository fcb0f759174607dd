"""The live socket: one tail of the streams per process, one bounded queue per client."""
