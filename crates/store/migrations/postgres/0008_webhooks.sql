-- Endpoints that are told what happens. Headers and the signing secret are sealed with the tenant's key.
CREATE TABLE webhooks (
  tenant      bigint NOT NULL REFERENCES tenants (tenant),
  id          uuid NOT NULL,
  url         text COLLATE "C" NOT NULL,
  description text COLLATE "C" NOT NULL,
  events      text COLLATE "C" NOT NULL,
  headers     bytea NOT NULL,
  secret      bytea NOT NULL,
  state       text COLLATE "C" NOT NULL,
  metadata    text COLLATE "C" NOT NULL,
  created_at  bigint NOT NULL,
  updated_at  bigint NOT NULL
);
CREATE UNIQUE INDEX webhooks_id ON webhooks (tenant, id);
CREATE UNIQUE INDEX webhooks_url ON webhooks (tenant, url);

-- One event for one endpoint: written with the change, tried by a worker, and the log that people read. What is sent is made
-- from the event at each try, so that nothing personal is kept here.
CREATE TABLE webhook_deliveries (
  tenant       bigint NOT NULL,
  webhook_id   uuid NOT NULL,
  event_id     uuid NOT NULL,
  action       text COLLATE "C" NOT NULL,
  state        text COLLATE "C" NOT NULL,
  attempts     bigint NOT NULL,
  due_at       bigint,
  last_status  bigint,
  last_error   text COLLATE "C",
  duration_ms  bigint,
  created_at   bigint NOT NULL,
  delivered_at bigint,
  PRIMARY KEY (tenant, webhook_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant, webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (tenant, created_at);
