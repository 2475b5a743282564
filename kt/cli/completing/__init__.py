"""Shell completion: the scripts, and what answers them. A TAB must be answered at once, so this
imports neither click nor msgspec and asks no server: grammar, state files and journal alone."""
