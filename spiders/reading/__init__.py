"""Read pages, sitemaps, feeds and style sheets: what spiders stand on, without an engine."""
