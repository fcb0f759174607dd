"""What storage decides: rows, repeats, conflicts, partitions, receipts. No I/O."""
