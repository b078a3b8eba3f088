-- The library's truth. Everything in vectors/ and words/ can be made again from these tables.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE papers (
    id        TEXT NOT NULL PRIMARY KEY,
    title     TEXT NOT NULL,
    abstract  TEXT NOT NULL,
    digest    INTEGER NOT NULL,
    authors   TEXT NOT NULL,  -- JSON list of names
    year      INTEGER,
    url       TEXT,
    links     TEXT NOT NULL,  -- JSON list of addresses
    code_urls TEXT NOT NULL,  -- JSON list of addresses
    sources   TEXT NOT NULL,  -- JSON list of {origin, line, title}
    sha256    TEXT NOT NULL,  -- of title, line feed, abstract
    -- since version 2
    venue      TEXT,
    categories TEXT NOT NULL DEFAULT '[]',  -- JSON list of subjects
    arxiv      TEXT,                        -- id without version
    doi        TEXT
);  -- with rowids since version 4: long rows in the tree itself make it deep, and half empty

-- What each source says, so that a work can be told anew when one of them changes.
CREATE TABLE entries (
    origin     TEXT NOT NULL,
    own_id     TEXT NOT NULL,     -- the id this entry has by itself
    occurrence INTEGER NOT NULL,  -- 0, 1, ... where one origin holds one id several times
    paper_id   TEXT NOT NULL REFERENCES papers (id) DEFERRABLE INITIALLY DEFERRED,
    record     TEXT NOT NULL,     -- JSON of the entry
    PRIMARY KEY (origin, own_id, occurrence)
);
CREATE INDEX entries_by_paper ON entries (paper_id);
CREATE INDEX entries_by_own_id ON entries (own_id);

CREATE TABLE passages (
    paper_id   TEXT NOT NULL REFERENCES papers (id) ON DELETE CASCADE,
    ordinal    INTEGER NOT NULL,
    start_char INTEGER NOT NULL,
    end_char   INTEGER NOT NULL,
    PRIMARY KEY (paper_id, ordinal)
) WITHOUT ROWID;

-- What an encoder made of each passage of a work's text, which takes long. Since version 3.
CREATE TABLE vectors (
    paper_id TEXT PRIMARY KEY REFERENCES papers (id) ON DELETE CASCADE,
    passages INTEGER NOT NULL,
    crc32    INTEGER NOT NULL,  -- of numbers, begun with the number of passages
    numbers  BLOB NOT NULL      -- half floats, little-endian: a vector after the other, by ordinal
);

-- Keys under which near duplicates meet (merge.bands).
CREATE TABLE bands (
    band     TEXT NOT NULL,
    paper_id TEXT NOT NULL REFERENCES papers (id) ON DELETE CASCADE,
    PRIMARY KEY (band, paper_id)
) WITHOUT ROWID;
CREATE INDEX bands_by_paper ON bands (paper_id);

-- What an index has not acknowledged yet. A row is deleted only when the index has made the change durable.
CREATE TABLE outbox (
    target   TEXT NOT NULL,  -- 'vectors' or 'words'
    paper_id TEXT NOT NULL,
    PRIMARY KEY (target, paper_id)
) WITHOUT ROWID;

-- What a user decided (change.py): 'join' an entry to a work, 'part' two entries, 'leave' one out. Since version 2.
CREATE TABLE decisions (
    kind  TEXT NOT NULL,
    one   TEXT NOT NULL,  -- an entry (fold.name)
    other TEXT NOT NULL,  -- a work, an entry, or nothing
    PRIMARY KEY (kind, one, other)
) WITHOUT ROWID;

-- Where each origin was last read: a hash of its file's path, by which a file that vanished is known. Since version 2.
CREATE TABLE origins (origin TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE ingests (id INTEGER PRIMARY KEY, report TEXT NOT NULL);
