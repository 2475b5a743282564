"""The formatters that turn records into the broker's fields, after its documents and recordings;
nothing here changes an order or reads a socket."""
