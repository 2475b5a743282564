"""Pure decisions: numbers in, decisions out. No clock, no I/O, no logging."""
