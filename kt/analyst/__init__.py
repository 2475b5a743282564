"""The analysts: Gemini, and the offline rules used where no key is set."""
