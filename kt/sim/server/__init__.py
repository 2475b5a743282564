"""The exchange's server process: HTTP and WebSocket on one loopback port, tokens, rate limits and
faults; no matching and no formatting of fields here."""
