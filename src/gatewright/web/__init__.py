"""What every slice needs to speak HTTP: the edge, forms, pages, the API's shapes, access."""
