"""Computes metrics from labels and probabilities. This package reads no files and never loads TensorFlow."""
