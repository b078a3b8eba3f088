"""Paper -> words, kept: BM25 over stemmed titles and abstracts, in Tantivy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

import tantivy
from tantivy import Filter, Occur, Query, TextAnalyzerBuilder, Tokenizer

from ingest.clean import searchable
from ingest.errors import IndexDamaged
from ingest.place import Place
from ingest.project import Change, Durable

FIELDS = (("title", 2.0), ("abstract", 1.0))
"""Searched fields and their weights; the title's was measured (docs/decisions/0003-offline-judge.md)."""

_ANALYSER = "english"
_HEAP_BYTES = 64_000_000
_TERMS_COUNTED = 100_000


class WordIndex:
    """The words of every paper. Writing needs the library's writer lock; any number of processes may read."""

    target = "words"
    batch_papers = 5_000

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Opens the index in `folder`; with `create`, makes an empty one if there is none.

        Raises:
            IndexDamaged: The folder holds something else, or less.
        """
        self._analyser = (
            TextAnalyzerBuilder(Tokenizer.simple())
            .filter(Filter.remove_long(60))
            .filter(Filter.lowercase())
            .filter(Filter.ascii_fold())
            .filter(Filter.stemmer("english"))
            .build()
        )
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw")
        for name, _ in FIELDS:
            builder.add_text_field(name, tokenizer_name=_ANALYSER, index_option="freq")
        self._schema = builder.build()
        self._folder = folder
        if create:
            folder.mkdir(exist_ok=True)
        elif not (folder / "meta.json").is_file():
            raise IndexDamaged(folder, "meta.json is missing")
        self._open()

    def _open(self) -> None:
        self._place = Place(self._folder)
        try:
            self._index = tantivy.Index(self._schema, path=str(self._place.path))
            self._index.register_tokenizer(_ANALYSER, self._analyser)
            self._ranked(Query.term_query(self._schema, FIELDS[0][0], "a", "freq"), 1)
            self._count_anew()
        except (ValueError, OSError) as error:
            self._place.leave()
            raise IndexDamaged(self._folder, str(error)) from error

    def __len__(self) -> int:
        """Papers in the index."""
        return self._index.searcher().num_docs

    def apply(self, changes: Sequence[Change], durable: Durable | None = None) -> None:
        """Brings these works up to date, then calls `durable`.

        Raises:
            OSError: The disk refuses.
        """
        try:
            self._write(changes)
        except ValueError as error:
            raise OSError(f"words/: {error}") from error
        self.refresh()
        if durable:
            durable([change.paper_id for change in changes])

    def _write(self, changes: Sequence[Change]) -> None:
        writer = self._index.writer(_HEAP_BYTES, num_threads=1)
        for change in changes:
            writer.delete_documents_by_term("id", change.paper_id)
            if paper := change.paper:
                title, abstract = searchable(paper.title), searchable(paper.abstract)
                writer.add_document(tantivy.Document(id=paper.id, title=title, abstract=abstract))
        writer.commit()
        writer.wait_merging_threads()

    def clear(self) -> None:
        """Removes everything."""
        writer = self._index.writer(_HEAP_BYTES, num_threads=1)
        writer.delete_all_documents()
        writer.commit()
        self.refresh()

    def close(self) -> None:
        """Lets go of the files."""
        self._place.leave()

    def refresh(self) -> None:
        """Makes what another process has written visible here."""
        if self._place.is_copy:
            self._place.leave()
            self._open()
        else:
            self._index.reload()
            self._count_anew()

    def _count_anew(self) -> None:
        """Forgets what was counted: a question asks for hundreds of terms, and the next for many of the same."""
        self._counted = lru_cache(_TERMS_COUNTED)(self._count)

    def terms(self, text: str) -> list[str]:
        """The terms of `text` as the index holds them: lower-cased, without accents, stemmed (English Porter2)."""
        found: list[str] = self._analyser.analyze(searchable(text))
        return found

    def document_frequency(self, term: str) -> int:
        """Papers whose title or abstract holds `term` (the larger of the two counts)."""
        return self._counted(term)

    def _count(self, term: str) -> int:
        searcher = self._index.searcher()
        return max(searcher.doc_freq(name, term) for name, _ in FIELDS)

    def search(
        self, terms: Sequence[tuple[str, float]], k: int, among: Collection[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ranks papers by the sum over fields of weighted BM25 (k1 1.2, b 0.75).

        Args:
            terms: Index terms with their weights, above 0.
            k: At most this many papers.
            among: Ids of the papers that are ranked, by what terms weigh in all papers; None for all.

        Returns:
            (paper id, BM25 above 0), best first, ties by id.

        Raises:
            IndexDamaged: Its files cannot be read.
        """
        clauses = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, name, term, "freq"), weight * boost))
            for term, weight in terms
            for name, boost in FIELDS
        ]
        if not clauses or k < 1:
            return []
        query = Query.boolean_query(clauses)
        if among is not None:
            within = Query.const_score_query(Query.term_set_query(self._schema, "id", sorted(among)), 0.0)
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, within)])
        try:
            found = self._ranked(query, k)
        except ValueError as error:
            raise IndexDamaged(self._folder, str(error)) from error
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _ranked(self, query: Query, k: int) -> list[tuple[str, float]]:
        """The first `k`, and all that tie with the last of them: Tantivy breaks ties by the order of writing."""
        searcher, limit = self._index.searcher(), k + 1
        while True:
            hits = searcher.search(query, limit=limit, count=False).hits
            if len(hits) < limit or hits[-1][0] < hits[k - 1][0]:
                return [(str(searcher.doc(address)["id"][0]), float(bm25)) for bm25, address in hits]
            limit *= 4
