"""A training as a page: what is measured, the plots of it, and the HTML around both."""
