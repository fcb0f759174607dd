"""What crosses a process border: types, tables and their checks, no I/O."""
