"""Notifying the owner: the configured channels, and the thread that delivers to them."""
