"""Formatters that turn records into the broker's fields, as its documents and recordings show
them; nothing here changes an order or reads a socket."""
