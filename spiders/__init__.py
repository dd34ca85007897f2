"""Hold what is known of sites: one file a site or family of sites."""
