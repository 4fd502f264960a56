"""Tells what is wrong in the stores: what other programs, crashes and years have left; and mends what is safe."""
