"""Which process works on which lane, agreed by advisory locks with fair shares."""
