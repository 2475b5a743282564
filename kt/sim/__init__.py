"""The embedded exchange: a real server on loopback that speaks the broker's wire format."""
