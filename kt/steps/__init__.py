"""Each step of the trading cycle, once: called by its command and by the engine."""
