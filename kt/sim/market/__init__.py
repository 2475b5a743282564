"""The market of the embedded exchange: prices, volumes, order book depth, flows; a function of the
seed, the session and the second, so no account and no order of kt's enters here."""
