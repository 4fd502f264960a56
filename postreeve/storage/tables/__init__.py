"""The tables of iRedMail's databases, as iRedMail creates them on each engine."""
