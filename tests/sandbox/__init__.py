"""Tests of the fake unMTA."""
