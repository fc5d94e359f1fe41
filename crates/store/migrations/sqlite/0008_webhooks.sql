-- Endpoints that are told what happens. Headers and the signing secret are sealed with the tenant's key.
CREATE TABLE webhooks (
  tenant      INTEGER NOT NULL REFERENCES tenants (tenant),
  id          BLOB    NOT NULL,
  url         TEXT    NOT NULL,
  description TEXT    NOT NULL,
  events      TEXT    NOT NULL,
  headers     BLOB    NOT NULL,
  secret      BLOB    NOT NULL,
  state       TEXT    NOT NULL,
  metadata    TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX webhooks_id ON webhooks (tenant, id);
CREATE UNIQUE INDEX webhooks_url ON webhooks (tenant, url);

-- One event for one endpoint: written with the change, tried by a worker, and the log that people read. What is sent is made
-- from the event at each try, so that nothing personal is kept here.
CREATE TABLE webhook_deliveries (
  tenant       INTEGER NOT NULL,
  webhook_id   BLOB    NOT NULL,
  event_id     BLOB    NOT NULL,
  action       TEXT    NOT NULL,
  state        TEXT    NOT NULL,
  attempts     INTEGER NOT NULL,
  due_at       INTEGER,
  last_status  INTEGER,
  last_error   TEXT,
  duration_ms  INTEGER,
  created_at   INTEGER NOT NULL,
  delivered_at INTEGER,
  PRIMARY KEY (tenant, webhook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant, webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (tenant, created_at);
