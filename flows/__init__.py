"""Flows: a graph of steps and one contact's walk through it. Empty until they are built."""
