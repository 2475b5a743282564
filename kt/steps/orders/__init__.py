"""The life of an order: intent, send, outcome, change, recovery, exits. Only `place` sends."""
