"""What is held and earned: position book, balance, equity, daily profit and loss, daily
report. Nothing in here places, amends or cancels an order, or imports a module that does."""
