-- Events are numbered in the order in which they were written: of two changes that met, the one that was first comes first.
DROP TABLE audit_pending;
CREATE TABLE audit_pending (
  tenant    INTEGER NOT NULL,
  ordinal  INTEGER NOT NULL,
  event_id  BLOB    NOT NULL,
  PRIMARY KEY (tenant, ordinal)
) STRICT, WITHOUT ROWID;
