"""The REST connection: transport, token, rate limit, error codes. No meaning of fields here."""
