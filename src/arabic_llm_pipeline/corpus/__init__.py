"""From raw files to clean, tagged, deduplicated records in shards."""
