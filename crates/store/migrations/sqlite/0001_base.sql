-- Each tenant table's key begins with `tenant`, a small number that is given once (engine.md 11). Times are microseconds UTC;
-- ids are the 16 bytes of a UUID version 7; booleans are 0 and 1. Wide rows are rowid tables, narrow key tables WITHOUT ROWID.

CREATE TABLE tenants (
  tenant          INTEGER PRIMARY KEY,
  id              BLOB    NOT NULL,
  slug            TEXT    NOT NULL,
  name            TEXT    NOT NULL,
  locale          TEXT    NOT NULL,
  is_master       INTEGER NOT NULL,
  is_default      INTEGER NOT NULL,
  state           TEXT    NOT NULL,
  sso_start_url   TEXT,
  sso_region      TEXT,
  settings        TEXT    NOT NULL,
  data_key        BLOB    NOT NULL,
  authz_revision  INTEGER NOT NULL,
  rules_revision  INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  revision        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX tenants_id ON tenants (id);
CREATE UNIQUE INDEX tenants_slug ON tenants (slug);
CREATE UNIQUE INDEX tenants_master ON tenants (is_master) WHERE is_master = 1;
CREATE UNIQUE INDEX tenants_default ON tenants (is_default) WHERE is_default = 1;

CREATE TABLE users (
  tenant              INTEGER NOT NULL REFERENCES tenants (tenant),
  id                  BLOB    NOT NULL,
  email               TEXT    NOT NULL,
  slug                TEXT    NOT NULL,
  title               TEXT    NOT NULL,
  name_key            TEXT    NOT NULL,
  auth_provider       TEXT    NOT NULL,
  state               TEXT    NOT NULL,
  email_verified      INTEGER NOT NULL,
  roles               INTEGER NOT NULL,
  is_owner            INTEGER NOT NULL,
  password_hash       TEXT,
  external_id         TEXT,
  manager_id          BLOB,
  metadata            TEXT    NOT NULL,
  first_name          TEXT,
  last_name           TEXT,
  display_name        TEXT,
  token_purpose       TEXT,
  token_hash          BLOB,
  token_expires_at    INTEGER,
  last_login_at       INTEGER,
  created_at          INTEGER NOT NULL,
  updated_at          INTEGER NOT NULL,
  revision            INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_id ON users (tenant, id);
CREATE UNIQUE INDEX users_email ON users (tenant, email);
CREATE UNIQUE INDEX users_slug ON users (tenant, slug);
CREATE UNIQUE INDEX users_external_id ON users (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX users_owner ON users (tenant) WHERE is_owner = 1;
CREATE UNIQUE INDEX users_token_hash ON users (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX users_manager ON users (tenant, manager_id) WHERE manager_id IS NOT NULL;
CREATE INDEX users_name ON users (tenant, name_key, id);

CREATE TABLE user_avatars (
  tenant  INTEGER NOT NULL,
  user_id BLOB    NOT NULL,
  avatar  TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX user_avatars_user ON user_avatars (tenant, user_id);

CREATE TABLE sessions (
  tenant        INTEGER NOT NULL REFERENCES tenants (tenant),
  id            BLOB    NOT NULL,
  user_id       BLOB    NOT NULL,
  amr           TEXT    NOT NULL,
  auth_time     INTEGER NOT NULL,
  ip            TEXT,
  user_agent    TEXT,
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  revoked_at    INTEGER
) STRICT;
CREATE UNIQUE INDEX sessions_id ON sessions (tenant, id);
CREATE INDEX sessions_user ON sessions (tenant, user_id, id);
CREATE INDEX sessions_end ON sessions (expires_at);

CREATE TABLE api_keys (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  id              BLOB    NOT NULL,
  prefix          TEXT    NOT NULL,
  hash            BLOB    NOT NULL,
  name            TEXT    NOT NULL,
  owner_type      TEXT    NOT NULL,
  owner_id        BLOB    NOT NULL,
  scopes          TEXT    NOT NULL,
  created_by      BLOB,
  created_at      INTEGER NOT NULL,
  last_used_at    INTEGER,
  expires_at      INTEGER,
  revoked_at      INTEGER,
  revoked_by      BLOB
) STRICT;
CREATE UNIQUE INDEX api_keys_id ON api_keys (tenant, id);
CREATE UNIQUE INDEX api_keys_prefix ON api_keys (prefix);
CREATE INDEX api_keys_created_by ON api_keys (tenant, created_by, id);

CREATE TABLE policies (
  tenant                      INTEGER NOT NULL REFERENCES tenants (tenant),
  id                          BLOB    NOT NULL,
  name                        TEXT    NOT NULL,
  name_key                    TEXT    NOT NULL,
  description                 TEXT,
  enabled                     INTEGER NOT NULL,
  priority                    INTEGER NOT NULL,
  max_duration_seconds        INTEGER NOT NULL,
  default_duration_seconds    INTEGER,
  notification_channel        BLOB,
  approval_mode               TEXT    NOT NULL,
  approval_timeout_seconds    INTEGER NOT NULL,
  approval_stages             TEXT    NOT NULL,
  max_total_duration_seconds  INTEGER,
  access                      TEXT    NOT NULL,
  created_at                  INTEGER NOT NULL,
  updated_at                  INTEGER NOT NULL,
  revision                    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX policies_id ON policies (tenant, id);
CREATE UNIQUE INDEX policies_name ON policies (tenant, name_key);
CREATE INDEX policies_priority ON policies (tenant, priority, name_key, id);

CREATE TABLE policy_rules (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  id              BLOB    NOT NULL,
  policy_id       BLOB    NOT NULL,
  ordinal         INTEGER NOT NULL,
  policy_text     TEXT    NOT NULL,
  notice          TEXT,
  audit_session   INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX policy_rules_id ON policy_rules (tenant, id);
CREATE INDEX policy_rules_policy ON policy_rules (tenant, policy_id, ordinal);

CREATE TABLE meta_schemas (
  tenant      INTEGER NOT NULL REFERENCES tenants (tenant),
  id          BLOB    NOT NULL,
  name        TEXT    NOT NULL,
  schema      TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX meta_schemas_id ON meta_schemas (tenant, id);
CREATE UNIQUE INDEX meta_schemas_name ON meta_schemas (tenant, name);

-- One row a key for 24 h. `slot` is 8 bytes of the key's HMAC: the only index that a create pays for.
CREATE TABLE idempotency (
  tenant      INTEGER NOT NULL,
  slot        INTEGER NOT NULL,
  fingerprint BLOB    NOT NULL,
  answer      BLOB    NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idempotency_slot ON idempotency (tenant, slot);

-- Wrong passwords and codes, counted per account and per address (spec v1 2.8): rows, so that a restart forgives nothing.
CREATE TABLE attempts (
  tenant        INTEGER NOT NULL,
  subject       TEXT    NOT NULL,
  failures      INTEGER NOT NULL,
  window_start  INTEGER NOT NULL,
  blocked_until INTEGER NOT NULL,
  PRIMARY KEY (tenant, subject)
) STRICT, WITHOUT ROWID;

-- The event as it happened; never changed, but for `private`, which an erasure empties.
CREATE TABLE audit_events (
  tenant        INTEGER NOT NULL REFERENCES tenants (tenant),
  id            BLOB    NOT NULL,
  at            INTEGER NOT NULL,
  actor_type    TEXT    NOT NULL,
  actor_id      TEXT    NOT NULL,
  action        TEXT    NOT NULL,
  resource_type TEXT    NOT NULL,
  resource_id   TEXT    NOT NULL,
  outcome       TEXT    NOT NULL,
  body          BLOB    NOT NULL,
  hole          INTEGER NOT NULL,
  private       TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX audit_events_id ON audit_events (tenant, id);

-- Its number and its link: written with the event on SQLite, by the sealer on PostgreSQL.
CREATE TABLE audit_seals (
  tenant    INTEGER NOT NULL,
  seq       INTEGER NOT NULL,
  event_id  BLOB    NOT NULL,
  hash      BLOB    NOT NULL,
  PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;
-- From an event to its number: lists and single reads show it. Unique, so that nothing is sealed twice.
CREATE UNIQUE INDEX audit_seals_event ON audit_seals (tenant, event_id);

-- Events that wait for the sealer. Always empty on SQLite.
CREATE TABLE audit_pending (
  tenant    INTEGER NOT NULL,
  event_id  BLOB    NOT NULL,
  PRIMARY KEY (tenant, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_checkpoints (
  tenant      INTEGER NOT NULL,
  seq         INTEGER NOT NULL,
  id          BLOB    NOT NULL,
  hash        BLOB    NOT NULL,
  key_id      TEXT    NOT NULL,
  signature   BLOB    NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

-- Keys of the server: token keys and the audit key, private halves wrapped with the master key.
CREATE TABLE signing_keys (
  id          TEXT    NOT NULL PRIMARY KEY,
  purpose     TEXT    NOT NULL,
  public_key  BLOB    NOT NULL,
  private_key BLOB    NOT NULL,
  created_at  INTEGER NOT NULL,
  retired_at  INTEGER
) STRICT;

-- Who does what only one node may do at a time.
CREATE TABLE leases (
  name        TEXT    NOT NULL PRIMARY KEY,
  holder      TEXT    NOT NULL,
  fence       INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL
) STRICT;

-- People whose traces in the audit log are still to be erased, in steps (engine.md 18).
CREATE TABLE erasures (
  tenant      INTEGER NOT NULL,
  user_id     BLOB    NOT NULL,
  after_seq   INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant, user_id)
) STRICT, WITHOUT ROWID;
