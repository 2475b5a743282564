"""The broker: Kiwoom's REST API and WebSocket behind the ports of `kt.ports`."""
