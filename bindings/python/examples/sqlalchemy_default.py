#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Defaults for the primary keys of SQLAlchemy's models; Django's fields take the same callables:

    id = models.BigIntegerField(primary_key=True, default=ids.next, editable=False)
    id = models.UUIDField(primary_key=True, default=uuids.next, editable=False)

Worker processes forked by a server share the generators of their parent, and never get the same ID.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, String, create_engine
from sqlalchemy.orm import Session, declarative_base, relationship

import snowid

ids = snowid.Generator("snowflake", worker=1)
ulids = snowid.Generator("ulid")
Base = declarative_base()


class Author(Base):
    __tablename__ = "author"
    id = Column(BigInteger, primary_key=True, default=ids.next)
    name = Column(String, nullable=False)
    books = relationship("Book", back_populates="author", order_by="Book.id")


class Book(Base):
    __tablename__ = "book"
    id = Column(String(26), primary_key=True, default=lambda: str(ulids.next()))
    title = Column(String, nullable=False)
    author_id = Column(ForeignKey("author.id"), nullable=False)
    author = relationship("Author", back_populates="books")


def main() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Author(name="Lamport", books=[Book(title="Time"), Book(title="Clocks")]))
        session.commit()
        author = session.query(Author).one()
        print(author.name, snowid.Layout("snowflake").decode(author.id).worker)
        for book in author.books:
            print(book.title, snowid.ULID(book.id).datetime.year)


if __name__ == "__main__":
    main()
