"""How the owner is told: the channels of the configuration, and the thread that uses them."""
