"""What is owned and earned: position book, balance, daily profit and loss. Sends nothing."""
