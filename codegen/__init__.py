"""Generates `unmta_async/_generated/` from the contract. The package never imports it."""
