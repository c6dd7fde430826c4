"""Search by meaning on the review page: similar images, outliers, irrelevant images."""
