"""One program per contender, each run in an environment of its own."""
