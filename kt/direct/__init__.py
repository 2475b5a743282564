"""Queries of the embedded exchange answered with records instead of JSON, in the same process
(docs/virtual-clock.md#direct)."""
