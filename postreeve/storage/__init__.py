"""What is true of a driver: connections, transactions, statements, errors."""
