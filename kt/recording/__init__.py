"""Recordings of a run: everything that reached kt from outside, and what kt decided and ordered.
What is recorded, in which form, and how it is replayed: docs/virtual-clock.md#recordings."""
