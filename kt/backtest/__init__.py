"""Backtests: whole trading days on a virtual clock (docs/virtual-clock.md)."""
