"""Which class serves which store: here back ends are put together, and nowhere else."""
