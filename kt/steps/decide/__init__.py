"""What to trade: scan, collect market data, ask the analyst, score past decisions. Nothing in here
places, amends or cancels an order, or imports a module that does."""
