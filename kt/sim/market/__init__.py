"""The market of the embedded exchange: prices, volumes, flows; deterministic from a seed."""
