"""Documentation generated from the code: README tables, the example configuration, completions,
parts of the help topics. Hand-written text does not belong here."""
