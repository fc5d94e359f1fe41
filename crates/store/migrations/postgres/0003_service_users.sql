-- Machines (spec v1beta1 3.10). `scope_id` is the organization that one belongs to, or the nil UUID: made by a service key of /v1
-- (decision 13). A machine never moves, so its credentials repeat where it lies.
CREATE TABLE service_users (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  id         uuid NOT NULL,
  scope_id   uuid NOT NULL,
  title      text COLLATE "C" NOT NULL,
  state      text COLLATE "C" NOT NULL,
  roles      bigint NOT NULL,
  metadata   text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX service_users_id ON service_users (tenant, id);
CREATE INDEX service_users_scope ON service_users (tenant, scope_id, id);

-- `verifier` is a hash, or the public half of a key. The id is unique on the server: it names its tenant.
CREATE TABLE service_credentials (
  tenant          bigint NOT NULL REFERENCES tenants (tenant),
  id              uuid NOT NULL,
  service_user_id uuid NOT NULL,
  scope_id        uuid NOT NULL,
  kind            text COLLATE "C" NOT NULL,
  title           text COLLATE "C" NOT NULL,
  scheme          text COLLATE "C" NOT NULL,
  verifier        bytea NOT NULL,
  created_by      uuid,
  created_at      bigint NOT NULL
);
CREATE UNIQUE INDEX service_credentials_everywhere ON service_credentials (id);
CREATE UNIQUE INDEX service_credentials_id ON service_credentials (tenant, id);
CREATE INDEX service_credentials_user ON service_credentials (tenant, service_user_id, id);
CREATE INDEX service_credentials_scope ON service_credentials (tenant, scope_id, id);

-- The keys of /v1 that stand for machines of their own.
INSERT INTO service_users (tenant, id, scope_id, title, state, roles, metadata, created_at, updated_at)
  SELECT tenant, owner_id, '00000000-0000-0000-0000-000000000000'::uuid, name, 'enabled', 0, '{}', created_at, created_at
  FROM api_keys WHERE owner_type = 'service' AND revoked_at IS NULL;
CREATE INDEX api_keys_owner ON api_keys (tenant, owner_id, id);
