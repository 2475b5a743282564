"""Making kt's books agree with the broker's: orders, fills, positions, cash. Sends nothing."""
