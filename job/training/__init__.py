"""All code that touches TensorFlow: images in; networks, probabilities and exported models out."""
