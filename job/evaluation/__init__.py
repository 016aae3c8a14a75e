"""Labels and probabilities in, metrics out. This wing reads no files and never loads TensorFlow."""
