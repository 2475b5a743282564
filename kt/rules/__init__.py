"""Pure functions: numbers in, decisions out. They may use records and the configuration's types; a
clock, files, the network, logging or randomness may not enter."""
