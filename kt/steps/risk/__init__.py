"""What may be traded: the pre-trade check, what it must know, and the stops. Sends nothing."""
