"""One file a command: its options, its steps, its document. No other command is imported."""
