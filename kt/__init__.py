"""kt trades Korean stocks through Kiwoom Securities' REST API, from a shell."""

__version__ = "0.1.0"
