"""What the commands share: context, documents, parameter types, prompts, sending. No command is
imported here, and nothing that only one command uses."""
