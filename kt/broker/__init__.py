"""The broker adapter: at this level, what implements `Market`, `Broker` and `OrderGateway`
on top of `rest`, `stream` and `wire`; no HTTP, no WebSocket and no parsing of fields here."""
