"""Configuration: file, environment and flags become one frozen, checked value."""
