"""How sensors sit on their wearers: told by standing upright and still."""
