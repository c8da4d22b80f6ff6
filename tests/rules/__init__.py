"""Which rule of the domain is proven by which test."""
