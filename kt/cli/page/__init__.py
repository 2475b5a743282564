"""The report as one HTML page that needs no network: `kt report --html` (docs/report-page.md)."""
