"""Everything that sends orders: place, amend, cancel, exits, unfilled orders, flatten. Only `place`
calls the order gateway; no other room may import from here."""
