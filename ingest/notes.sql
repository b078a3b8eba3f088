-- What people leave in a library. Nothing here is needed to answer; losing it loses no paper.

CREATE TABLE IF NOT EXISTS conversations (
    id      INTEGER PRIMARY KEY,
    owner   TEXT NOT NULL,  -- the user who is logged in, or empty where nobody logs in
    title   TEXT NOT NULL,  -- its first question
    changed REAL NOT NULL   -- seconds since 1970
);
CREATE INDEX IF NOT EXISTS conversations_by_owner ON conversations (owner, changed);

CREATE TABLE IF NOT EXISTS turns (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    question     TEXT NOT NULL,
    mode         TEXT NOT NULL,
    depth        TEXT NOT NULL,
    filter       TEXT NOT NULL,  -- which papers were asked, as `ingest.where` reads it; empty for all
    answer       TEXT,           -- JSON of the answer; NULL while there is none
    ending       TEXT NOT NULL   -- empty, or why there is no answer
);
CREATE INDEX IF NOT EXISTS turns_by_conversation ON turns (conversation);

CREATE TABLE IF NOT EXISTS bundles (
    turn   INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
    bundle BLOB NOT NULL  -- all that the answer was made of (assistant/bundle.py)
);

CREATE TABLE IF NOT EXISTS ratings (
    turn  INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    paper TEXT NOT NULL,     -- id of a cited paper, or empty for the answer as a whole
    good  INTEGER NOT NULL,  -- 1 relevant or useful, 0 not
    PRIMARY KEY (turn, paper)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS saved_questions (
    owner    TEXT NOT NULL,
    question TEXT NOT NULL,
    saved    REAL NOT NULL,
    PRIMARY KEY (owner, question)
) WITHOUT ROWID;
