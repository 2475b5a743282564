"""Reconciliation with the broker: order tracking and recovery, positions, cash, startup. Nothing in
here places, amends or cancels an order, or imports a module that does."""
