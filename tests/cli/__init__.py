"""The command `unmta`, run as people run it."""
