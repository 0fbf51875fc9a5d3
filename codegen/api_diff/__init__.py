"""What changed between two contracts for those who call the client.

Both are generated from, and the generated Python is compared: what a caller sees is what counts.
"""
