"""Taking over the settings of an iRedAdmin."""
