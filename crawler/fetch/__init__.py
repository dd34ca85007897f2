"""The Scrapy room: fetch exchanges, politely and guarded, and keep them."""
