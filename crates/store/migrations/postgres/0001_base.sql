-- The same tables, columns and index names as ../sqlite/0001_base.sql; a test compares them. Text is compared bytewise
-- (engine.md 21), integers are bigint, ids are uuid, other bytes bytea.

CREATE TABLE tenants (
  tenant          bigint           PRIMARY KEY,
  id              uuid             NOT NULL,
  slug            text COLLATE "C" NOT NULL,
  name            text COLLATE "C" NOT NULL,
  locale          text COLLATE "C" NOT NULL,
  is_master       bigint           NOT NULL,
  is_default      bigint           NOT NULL,
  state           text COLLATE "C" NOT NULL,
  sso_start_url   text COLLATE "C",
  sso_region      text COLLATE "C",
  settings        text COLLATE "C" NOT NULL,
  data_key        bytea            NOT NULL,
  authz_revision  bigint           NOT NULL,
  rules_revision  bigint           NOT NULL,
  created_at      bigint           NOT NULL,
  updated_at      bigint           NOT NULL,
  revision        bigint           NOT NULL
);
CREATE UNIQUE INDEX tenants_id ON tenants (id);
CREATE UNIQUE INDEX tenants_slug ON tenants (slug);
CREATE UNIQUE INDEX tenants_master ON tenants (is_master) WHERE is_master = 1;
CREATE UNIQUE INDEX tenants_default ON tenants (is_default) WHERE is_default = 1;

CREATE TABLE users (
  tenant              bigint           NOT NULL REFERENCES tenants (tenant),
  id                  uuid             NOT NULL,
  email               text COLLATE "C" NOT NULL,
  slug                text COLLATE "C" NOT NULL,
  title               text COLLATE "C" NOT NULL,
  name_key            text COLLATE "C" NOT NULL,
  auth_provider       text COLLATE "C" NOT NULL,
  state               text COLLATE "C" NOT NULL,
  email_verified      bigint           NOT NULL,
  roles               bigint           NOT NULL,
  is_owner            bigint           NOT NULL,
  password_hash       text COLLATE "C",
  external_id         text COLLATE "C",
  manager_id          uuid,
  metadata            text COLLATE "C" NOT NULL,
  first_name          text COLLATE "C",
  last_name           text COLLATE "C",
  display_name        text COLLATE "C",
  token_purpose       text COLLATE "C",
  token_hash          bytea,
  token_expires_at    bigint,
  last_login_at       bigint,
  created_at          bigint           NOT NULL,
  updated_at          bigint           NOT NULL,
  revision            bigint           NOT NULL
);
CREATE UNIQUE INDEX users_id ON users (tenant, id);
CREATE UNIQUE INDEX users_email ON users (tenant, email);
CREATE UNIQUE INDEX users_slug ON users (tenant, slug);
CREATE UNIQUE INDEX users_external_id ON users (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX users_owner ON users (tenant) WHERE is_owner = 1;
CREATE UNIQUE INDEX users_token_hash ON users (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX users_manager ON users (tenant, manager_id) WHERE manager_id IS NOT NULL;
CREATE INDEX users_name ON users (tenant, name_key, id);

CREATE TABLE user_avatars (
  tenant  bigint           NOT NULL,
  user_id uuid             NOT NULL,
  avatar  text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX user_avatars_user ON user_avatars (tenant, user_id);

CREATE TABLE sessions (
  tenant        bigint           NOT NULL REFERENCES tenants (tenant),
  id            uuid             NOT NULL,
  user_id       uuid             NOT NULL,
  amr           text COLLATE "C" NOT NULL,
  auth_time     bigint           NOT NULL,
  ip            text COLLATE "C",
  user_agent    text COLLATE "C",
  created_at    bigint           NOT NULL,
  expires_at    bigint           NOT NULL,
  revoked_at    bigint
);
CREATE UNIQUE INDEX sessions_id ON sessions (tenant, id);
CREATE INDEX sessions_user ON sessions (tenant, user_id, id);
CREATE INDEX sessions_end ON sessions (expires_at);

CREATE TABLE api_keys (
  tenant          bigint           NOT NULL REFERENCES tenants (tenant),
  id              uuid             NOT NULL,
  prefix          text COLLATE "C" NOT NULL,
  hash            bytea            NOT NULL,
  name            text COLLATE "C" NOT NULL,
  owner_type      text COLLATE "C" NOT NULL,
  owner_id        uuid             NOT NULL,
  scopes          text COLLATE "C" NOT NULL,
  created_by      uuid,
  created_at      bigint           NOT NULL,
  last_used_at    bigint,
  expires_at      bigint,
  revoked_at      bigint,
  revoked_by      uuid
);
CREATE UNIQUE INDEX api_keys_id ON api_keys (tenant, id);
CREATE UNIQUE INDEX api_keys_prefix ON api_keys (prefix);
CREATE INDEX api_keys_created_by ON api_keys (tenant, created_by, id);

CREATE TABLE policies (
  tenant                      bigint           NOT NULL REFERENCES tenants (tenant),
  id                          uuid             NOT NULL,
  name                        text COLLATE "C" NOT NULL,
  name_key                    text COLLATE "C" NOT NULL,
  description                 text COLLATE "C",
  enabled                     bigint           NOT NULL,
  priority                    bigint           NOT NULL,
  max_duration_seconds        bigint           NOT NULL,
  default_duration_seconds    bigint,
  notification_channel        uuid,
  approval_mode               text COLLATE "C" NOT NULL,
  approval_timeout_seconds    bigint           NOT NULL,
  approval_stages             text COLLATE "C" NOT NULL,
  max_total_duration_seconds  bigint,
  access                      text COLLATE "C" NOT NULL,
  created_at                  bigint           NOT NULL,
  updated_at                  bigint           NOT NULL,
  revision                    bigint           NOT NULL
);
CREATE UNIQUE INDEX policies_id ON policies (tenant, id);
CREATE UNIQUE INDEX policies_name ON policies (tenant, name_key);
CREATE INDEX policies_priority ON policies (tenant, priority, name_key, id);

CREATE TABLE policy_rules (
  tenant          bigint           NOT NULL REFERENCES tenants (tenant),
  id              uuid             NOT NULL,
  policy_id       uuid             NOT NULL,
  ordinal         bigint           NOT NULL,
  policy_text     text COLLATE "C" NOT NULL,
  notice          text COLLATE "C",
  audit_session   bigint           NOT NULL,
  created_at      bigint           NOT NULL,
  updated_at      bigint           NOT NULL
);
CREATE UNIQUE INDEX policy_rules_id ON policy_rules (tenant, id);
CREATE INDEX policy_rules_policy ON policy_rules (tenant, policy_id, ordinal);

CREATE TABLE meta_schemas (
  tenant      bigint           NOT NULL REFERENCES tenants (tenant),
  id          uuid             NOT NULL,
  name        text COLLATE "C" NOT NULL,
  schema      text COLLATE "C" NOT NULL,
  created_at  bigint           NOT NULL,
  updated_at  bigint           NOT NULL
);
CREATE UNIQUE INDEX meta_schemas_id ON meta_schemas (tenant, id);
CREATE UNIQUE INDEX meta_schemas_name ON meta_schemas (tenant, name);

-- One row a key for 24 h. `slot` is 8 bytes of the key's HMAC: the only index that a create pays for.
CREATE TABLE idempotency (
  tenant      bigint NOT NULL,
  slot        bigint NOT NULL,
  fingerprint bytea  NOT NULL,
  answer      bytea  NOT NULL,
  created_at  bigint NOT NULL
);
CREATE UNIQUE INDEX idempotency_slot ON idempotency (tenant, slot);

-- Wrong passwords and codes, counted per account and per address (spec v1 2.8): rows, so that a restart forgives nothing.
CREATE TABLE attempts (
  tenant        bigint           NOT NULL,
  subject       text COLLATE "C" NOT NULL,
  failures      bigint           NOT NULL,
  window_start  bigint           NOT NULL,
  blocked_until bigint           NOT NULL,
  PRIMARY KEY (tenant, subject)
);

-- The event as it happened; never changed, but for `private`, which an erasure empties.
CREATE TABLE audit_events (
  tenant        bigint           NOT NULL REFERENCES tenants (tenant),
  id            uuid             NOT NULL,
  at            bigint           NOT NULL,
  actor_type    text COLLATE "C" NOT NULL,
  actor_id      text COLLATE "C" NOT NULL,
  action        text COLLATE "C" NOT NULL,
  resource_type text COLLATE "C" NOT NULL,
  resource_id   text COLLATE "C" NOT NULL,
  outcome       text COLLATE "C" NOT NULL,
  body          bytea            NOT NULL,
  hole          bigint           NOT NULL,
  private       text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX audit_events_id ON audit_events (tenant, id);

-- Its number and its link: written with the event on SQLite, by the sealer on PostgreSQL.
CREATE TABLE audit_seals (
  tenant    bigint NOT NULL,
  seq       bigint NOT NULL,
  event_id  uuid   NOT NULL,
  hash      bytea  NOT NULL,
  PRIMARY KEY (tenant, seq)
);
-- From an event to its number: lists and single reads show it. Unique, so that nothing is sealed twice.
CREATE UNIQUE INDEX audit_seals_event ON audit_seals (tenant, event_id);

-- Events that wait for the sealer. Always empty on SQLite.
CREATE TABLE audit_pending (
  tenant    bigint NOT NULL,
  event_id  uuid   NOT NULL,
  PRIMARY KEY (tenant, event_id)
);

CREATE TABLE audit_checkpoints (
  tenant      bigint           NOT NULL,
  seq         bigint           NOT NULL,
  id          uuid             NOT NULL,
  hash        bytea            NOT NULL,
  key_id      text COLLATE "C" NOT NULL,
  signature   bytea            NOT NULL,
  created_at  bigint           NOT NULL,
  PRIMARY KEY (tenant, seq)
);

-- Keys of the server: token keys and the audit key, private halves wrapped with the master key.
CREATE TABLE signing_keys (
  id          text COLLATE "C" NOT NULL PRIMARY KEY,
  purpose     text COLLATE "C" NOT NULL,
  public_key  bytea            NOT NULL,
  private_key bytea            NOT NULL,
  created_at  bigint           NOT NULL,
  retired_at  bigint
);

-- Who does what only one node may do at a time.
CREATE TABLE leases (
  name        text COLLATE "C" NOT NULL PRIMARY KEY,
  holder      text COLLATE "C" NOT NULL,
  fence       bigint           NOT NULL,
  expires_at  bigint           NOT NULL
);

-- People whose traces in the audit log are still to be erased, in steps (engine.md 18).
CREATE TABLE erasures (
  tenant      bigint NOT NULL,
  user_id     uuid   NOT NULL,
  after_seq   bigint NOT NULL,
  created_at  bigint NOT NULL,
  PRIMARY KEY (tenant, user_id)
);
