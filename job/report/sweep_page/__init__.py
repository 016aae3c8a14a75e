"""Renders the page of a sweep."""
