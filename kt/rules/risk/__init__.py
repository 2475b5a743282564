"""The pre-trade safety rules: each says yes or no with its arithmetic. Pure, like all rules."""
