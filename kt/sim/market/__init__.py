"""The market of the embedded exchange: prices, volumes, order book depth and flows, computed from
the seed, the session and the second. kt's accounts and orders are not stored here."""
