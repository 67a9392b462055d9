"""What is likely next: frames and arrays in, scores out. Randomness arrives as a generator, time as ``as_of``."""
