"""What the commands share: context, documents, parameters, prompts. No command is imported."""
