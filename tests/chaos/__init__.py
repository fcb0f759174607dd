"""The promises under SIGKILL: a whole private system and a ledger of what was sent."""
