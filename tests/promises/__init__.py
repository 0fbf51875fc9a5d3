"""The proof: what can go wrong, what the client promises about it, and whether that is so."""
