"""All code that uses TensorFlow: it takes images, and returns networks, probabilities and exported models."""
