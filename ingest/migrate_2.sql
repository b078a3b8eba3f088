-- From schema version 1 to 2: what sources say of venue, subjects and identifiers, and what users decide.

ALTER TABLE papers ADD COLUMN venue TEXT;
ALTER TABLE papers ADD COLUMN categories TEXT NOT NULL DEFAULT '[]';
ALTER TABLE papers ADD COLUMN arxiv TEXT;
ALTER TABLE papers ADD COLUMN doi TEXT;

CREATE TABLE decisions (
    kind  TEXT NOT NULL,
    one   TEXT NOT NULL,
    other TEXT NOT NULL,
    PRIMARY KEY (kind, one, other)
) WITHOUT ROWID;

CREATE TABLE origins (origin TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;
