"""Messages of every codec with what must come of them: a module each, named like its codec."""
