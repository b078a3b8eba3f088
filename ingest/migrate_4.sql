-- From schema version 3 to 4: the tables with long rows have rowids, and an index holds a work whole, so that how many
-- passages it may hold need not be known. Foreign keys must be off: dropping would cascade.

CREATE TABLE papers_4 (
    id         TEXT NOT NULL PRIMARY KEY,
    title      TEXT NOT NULL,
    abstract   TEXT NOT NULL,
    digest     INTEGER NOT NULL,
    authors    TEXT NOT NULL,
    year       INTEGER,
    url        TEXT,
    links      TEXT NOT NULL,
    code_urls  TEXT NOT NULL,
    sources    TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    venue      TEXT,
    categories TEXT NOT NULL DEFAULT '[]',
    arxiv      TEXT,
    doi        TEXT
);
INSERT INTO papers_4 SELECT
    id, title, abstract, digest, authors, year, url, links, code_urls, sources, sha256, venue, categories, arxiv, doi
    FROM papers;
DROP TABLE papers;
ALTER TABLE papers_4 RENAME TO papers;

CREATE TABLE entries_4 (
    origin     TEXT NOT NULL,
    own_id     TEXT NOT NULL,
    occurrence INTEGER NOT NULL,
    paper_id   TEXT NOT NULL REFERENCES papers (id) DEFERRABLE INITIALLY DEFERRED,
    record     TEXT NOT NULL,
    PRIMARY KEY (origin, own_id, occurrence)
);
INSERT INTO entries_4 SELECT origin, own_id, occurrence, paper_id, record FROM entries;
DROP TABLE entries;
ALTER TABLE entries_4 RENAME TO entries;
CREATE INDEX entries_by_paper ON entries (paper_id);
CREATE INDEX entries_by_own_id ON entries (own_id);

CREATE TABLE outbox_4 (
    target   TEXT NOT NULL,
    paper_id TEXT NOT NULL,
    PRIMARY KEY (target, paper_id)
) WITHOUT ROWID;
INSERT INTO outbox_4 SELECT target, paper_id FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_4 RENAME TO outbox;
