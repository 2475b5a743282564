"""Configuration: file, environment and flags become one frozen, validated value. No adapter and no
command is imported here."""
