-- From schema version 2 to 3: vectors are kept, of works that are encoded from now on.

CREATE TABLE vectors (
    paper_id TEXT PRIMARY KEY REFERENCES papers (id) ON DELETE CASCADE,
    passages INTEGER NOT NULL,
    crc32    INTEGER NOT NULL,
    numbers  BLOB NOT NULL
);
