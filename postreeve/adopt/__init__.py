"""Takes over the settings of an iRedAdmin: reads its `settings.py` without running it, and writes ours."""
