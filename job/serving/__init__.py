"""Serves a trained network over HTTP."""
