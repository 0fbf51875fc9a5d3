"""The `unmta` command. It needs the extra `cli`, and nothing private of the library."""
