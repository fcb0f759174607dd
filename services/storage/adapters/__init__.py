"""Streams, queues and tables, translated to the ports of the writers."""
