"""The exchange's process: HTTP and WebSocket on one loopback port, in the broker's wire format."""
