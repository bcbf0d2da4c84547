"""Experiment A's instrument: what listeners hear, where they answer, and the answers themselves."""
