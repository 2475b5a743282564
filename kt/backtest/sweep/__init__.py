"""Sweeps: many backtests of different configurations, in one Optuna study that any number of
processes and machines may join (docs/sweep.md)."""
