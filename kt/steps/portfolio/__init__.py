"""What is held and earned: position book, balance, daily profit and loss. Nothing in here places,
amends or cancels an order, or imports a module that does."""
