"""Reads predictions that this job did not make, from files or arrays, and checks them."""
