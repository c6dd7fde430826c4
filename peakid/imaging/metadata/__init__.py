"""Remove the metadata of image files without encoding their pixels again."""
