"""The REST client: transport, token, rate limit, retries, error codes; what the fields of an answer
mean (other than return_code and return_msg) belongs to `wire`, and no WebSocket is opened here."""
