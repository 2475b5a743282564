"""The pre-trade safety rules: each passes or denies an order intent and shows its arithmetic. What
a rule needs comes in `RiskFacts`; nothing here fetches anything."""
