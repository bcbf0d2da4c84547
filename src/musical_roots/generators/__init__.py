"""Generators: the contract (`base.py`), the published VampNet, and one of our own (`openvamp/`)."""
