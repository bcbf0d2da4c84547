"""Experiments: small pure functions from match tables to a tidy results table."""
