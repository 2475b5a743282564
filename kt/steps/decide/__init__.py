"""What to trade: scan, collect, ask the analyst, score decisions. Sends nothing."""
