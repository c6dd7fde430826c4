-- Whose a picture is and where it can be seen, as a table of labels or a collection says.
ALTER TABLE origin ADD COLUMN page_url TEXT;
ALTER TABLE origin ADD COLUMN licence TEXT;
ALTER TABLE origin ADD COLUMN author TEXT;
