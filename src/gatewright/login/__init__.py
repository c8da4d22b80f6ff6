"""Login: who sits at the browser, and since when."""
