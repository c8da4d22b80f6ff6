"""Every ending of T12: what works until then, the request that ends it, and how it is told."""
