"""Coverage-guided fuzzing of every codec (decision 0016)."""
