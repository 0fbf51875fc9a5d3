"""What the client costs beside aiohttp by hand and other clients: `make bench`."""
