-- Images whose files could not be read when their embeddings were computed: they are not tried again each time.
CREATE TABLE unread_image (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  reason TEXT NOT NULL,
  found_at TEXT NOT NULL
) STRICT;
