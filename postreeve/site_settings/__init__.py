"""What admins change of the settings in the panel: rows of iRedAdmin's table `settings`, which override the file."""
