-- In which organization an event happened: the logs of organizations. Beside the hashed body, which says it too.
ALTER TABLE audit_events ADD COLUMN organization_id BLOB;
CREATE INDEX audit_events_organization ON audit_events (tenant, organization_id, id) WHERE organization_id IS NOT NULL;

-- Idempotency keys of audit records that others wrote, with what was written.
CREATE TABLE audit_record_keys (
  tenant   INTEGER NOT NULL,
  key      BLOB    NOT NULL,
  event_id BLOB    NOT NULL,
  content  BLOB    NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
