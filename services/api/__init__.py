"""REST and live socket: serves people and programs what is theirs, and nothing else."""
