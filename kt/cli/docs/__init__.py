"""Everything written that can be read from the code: topics, the example, completions, README."""
