"""The doctor: what it finds in stores that other programs have written, and what it mends."""
