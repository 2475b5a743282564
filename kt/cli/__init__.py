"""What you type. One file a command; `io` prints documents and maps errors to exit codes."""
