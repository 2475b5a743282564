"""The live stream: the broker's WebSocket, its frames and subscriptions, and the sharing of one
connection between processes; no REST call is made here, and no other folder opens a WebSocket."""
