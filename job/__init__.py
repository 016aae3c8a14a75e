"""A batch job that trains a Fashion-MNIST classifier, evaluates it and explains the result in one HTML report."""

__version__ = "0.9.0"
