"""Runs tasks as processes of their own, several at the same time."""
