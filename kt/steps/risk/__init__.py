"""What may be traded: the pre-trade check, its inputs, and the stops. Nothing in here places,
amends or cancels an order, or imports a module that does."""
