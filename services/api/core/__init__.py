"""Pure decisions of the api: rights, cursors, decimation, rates. No I/O, no clock."""
