"""Trains a network for each seed: in this process one after another, or side by side in processes of their own."""
