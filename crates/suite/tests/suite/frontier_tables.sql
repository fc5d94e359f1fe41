-- The tables of Frontier v0.115.2 that an import reads, as its own 40 migrations leave them, without triggers.
CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO schema_migrations VALUES (20260723120000, false);
CREATE TABLE namespaces (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, metadata jsonb, deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE organizations (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, title text, metadata jsonb,
  state text DEFAULT 'enabled', deleted_at timestamptz, avatar text,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, title text, email text NOT NULL UNIQUE,
  metadata jsonb, state text DEFAULT 'enabled', deleted_at timestamptz, avatar text,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE serviceusers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid, title text, metadata jsonb, state text DEFAULT 'enabled',
  deleted_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE serviceuser_credentials (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), serviceuser_id uuid NOT NULL REFERENCES serviceusers (id),
  title text, secret_hash text, public_key jsonb, metadata jsonb, deleted_at timestamptz, type text,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE projects (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, title text,
  org_id uuid NOT NULL REFERENCES organizations (id), metadata jsonb, state text DEFAULT 'enabled', deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE groups (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, title text,
  org_id uuid NOT NULL REFERENCES organizations (id), metadata jsonb, state text DEFAULT 'enabled', deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), UNIQUE (org_id, name));
CREATE TABLE roles (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid NOT NULL, name text NOT NULL, permissions jsonb, metadata jsonb,
  state text DEFAULT 'enabled', deleted_at timestamptz, title text, scopes text[],
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), UNIQUE (org_id, name));
CREATE TABLE permissions (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, slug text NOT NULL UNIQUE,
  namespace_name text NOT NULL REFERENCES namespaces (name), metadata jsonb, deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), UNIQUE (namespace_name, name));
CREATE TABLE policies (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), role_id uuid REFERENCES roles (id), resource_id uuid NOT NULL,
  resource_type text REFERENCES namespaces (name), principal_id uuid NOT NULL, principal_type text REFERENCES namespaces (name), metadata jsonb,
  deleted_at timestamptz, grant_relation text NOT NULL DEFAULT 'granted',
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (role_id, resource_id, resource_type, principal_id, principal_type));
CREATE TABLE relations (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), subject_namespace_name text REFERENCES namespaces (name), subject_id text,
  subject_subrelation_name text, object_namespace_name text REFERENCES namespaces (name), object_id text, relation_name text,
  deleted_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE resources (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), urn text NOT NULL UNIQUE, name text, title text, principal_id uuid,
  principal_type text, project_id uuid REFERENCES projects (id), namespace_name text REFERENCES namespaces (name), metadata jsonb,
  deleted_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE metaschema (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, schema text,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE domains (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, org_id uuid NOT NULL REFERENCES organizations (id),
  token text NOT NULL, state text NOT NULL DEFAULT 'pending',
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());

INSERT INTO namespaces (name) SELECT unnest(ARRAY['app/user', 'app/serviceuser', 'app/pat', 'app/group', 'app/platform', 'app/invitation',
  'app/organization', 'app/project', 'app/rolebinding', 'app/role', 'compute/order', 'old/Name']);
INSERT INTO permissions (name, slug, namespace_name) VALUES ('get', 'app_project_get', 'app/project'),
  ('get', 'compute_order_get', 'compute/order'), ('delete', 'compute_order_delete', 'compute/order');

INSERT INTO organizations (id, name, title, state, metadata, created_at) VALUES
  ('10000000-0000-4000-8000-000000000001', 'acme', 'Acme', 'enabled', '{"tier": "gold"}', '2023-02-03T04:05:06.789Z'),
  ('10000000-0000-4000-8000-000000000002', 'closed', 'Closed', 'disabled', 'null', now()),
  ('10000000-0000-4000-8000-000000000003', '2024-team', NULL, NULL, NULL, now()),
  ('10000000-0000-4000-8000-000000000004', 'taken', 'Taken', 'enabled', '{}', now());
INSERT INTO organizations (name, deleted_at) VALUES ('gone', now());

INSERT INTO users (id, name, title, email, state, metadata, created_at) VALUES
  ('20000000-0000-4000-8000-000000000001', 'ada_acme_org', 'Ada', 'ada@acme.org', 'enabled',
   '{"label": {"team": "core"}, "passkey_credentials": "W10=", "attributes": {"clearance": "top"}}', '2023-02-03T04:05:06Z'),
  ('20000000-0000-4000-8000-000000000002', 'bob_acme_org', 'Bob', 'bob@acme.org', NULL, NULL, now()),
  ('20000000-0000-4000-8000-000000000003', 'carl_acme_org', 'Carl', 'carl@acme.org', 'disabled', NULL, now()),
  ('20000000-0000-4000-8000-000000000004', 'eve', 'Eve', 'no address', 'enabled', NULL, now()),
  ('20000000-0000-4000-8000-000000000005', 'boss', 'Boss', 'owner@example.com', 'enabled', NULL, now()),
  ('20000000-0000-4000-8000-000000000006', 'mallory', 'Mallory', 'mallory@example.com', 'enabled', NULL, now());
INSERT INTO users (name, email) SELECT 'u' || n || '_many_org', 'u' || n || '@many.org' FROM generate_series(1, 600) n;

INSERT INTO serviceusers (id, org_id, title) VALUES
  ('30000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'robot');
INSERT INTO serviceuser_credentials (serviceuser_id, title, secret_hash, public_key, type) VALUES
  ('30000000-0000-4000-8000-000000000001', 'secret', '$2a$14$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghijk', 'null', 'client_credential'),
  ('30000000-0000-4000-8000-000000000001', 'broken', 'plain text', 'null', 'client_credential');

INSERT INTO projects (id, name, title, org_id) VALUES
  ('40000000-0000-4000-8000-000000000001', 'web', 'Web', '10000000-0000-4000-8000-000000000001'),
  ('40000000-0000-4000-8000-000000000002', 'lost', 'Lost', '10000000-0000-4000-8000-000000000004');
INSERT INTO groups (id, name, title, org_id) VALUES
  ('50000000-0000-4000-8000-000000000001', 'Developers', 'Developers', '10000000-0000-4000-8000-000000000001');

INSERT INTO roles (id, org_id, name, title, permissions, scopes) VALUES
  ('60000000-0000-4000-8000-000000000001', '00000000-0000-0000-0000-000000000000', 'app_organization_owner', 'Owner',
   '["app_organization_administer"]', '{app/organization}'),
  ('60000000-0000-4000-8000-000000000004', '00000000-0000-0000-0000-000000000000', 'app_organization_viewer', 'Member',
   '["app_organization_get"]', '{app/organization}'),
  ('60000000-0000-4000-8000-000000000008', '00000000-0000-0000-0000-000000000000', 'app_project_viewer', 'Project Viewer',
   '["app_project_get", "app_project_resourcelist"]', '{app/project}'),
  ('60000000-0000-4000-8000-00000000000a', '00000000-0000-0000-0000-000000000000', 'app_group_member', 'Group Member',
   '["app_group_get"]', '{app/group}'),
  ('60000000-0000-4000-8000-000000000011', '00000000-0000-0000-0000-000000000000', 'order_reader', 'Reads orders',
   '["compute_order_get"]', '{app/project,compute/order}'),
  ('60000000-0000-4000-8000-000000000012', '10000000-0000-4000-8000-000000000001', 'auditor', 'Auditor',
   '["app_organization_get", "app_project_get", "app_organization_unknown"]', NULL);

INSERT INTO resources (id, urn, name, title, principal_id, principal_type, project_id, namespace_name) VALUES
  ('70000000-0000-4000-8000-000000000001', 'frn:web:compute/order:one', 'one', 'One', '20000000-0000-4000-8000-000000000002', 'app/user',
   '40000000-0000-4000-8000-000000000001', 'compute/order'),
  ('70000000-0000-4000-8000-000000000002', 'frn:web:compute/order:two', NULL, 'Two', 'dddddddd-0000-4000-8000-000000000002', 'app/user',
   '40000000-0000-4000-8000-000000000001', 'compute/order');

INSERT INTO policies (role_id, resource_id, resource_type, principal_id, principal_type, grant_relation) VALUES
  ('60000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'app/organization', '20000000-0000-4000-8000-000000000001', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-000000000004', '10000000-0000-4000-8000-000000000001', 'app/organization', '20000000-0000-4000-8000-000000000002', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-00000000000a', '50000000-0000-4000-8000-000000000001', 'app/group', '20000000-0000-4000-8000-000000000002', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-000000000011', '40000000-0000-4000-8000-000000000001', 'app/project', '50000000-0000-4000-8000-000000000001', 'app/group', 'granted'),
  ('60000000-0000-4000-8000-000000000012', '10000000-0000-4000-8000-000000000001', 'app/organization', '20000000-0000-4000-8000-000000000003', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-000000000004', '10000000-0000-4000-8000-000000000001', 'app/organization', '20000000-0000-4000-8000-000000000005', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-000000000004', '10000000-0000-4000-8000-000000000001', 'app/organization', '20000000-0000-4000-8000-000000000006', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-000000000004', '10000000-0000-4000-8000-000000000001', 'app/organization', '30000000-0000-4000-8000-000000000001', 'app/serviceuser', 'granted'),
  ('60000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000002', 'app/organization', '20000000-0000-4000-8000-000000000002', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-000000000004', '00000000-0000-0000-0000-000000000000', 'app/organization', '30000000-0000-4000-8000-000000000001', 'app/serviceuser', 'granted'),
  ('60000000-0000-4000-8000-000000000004', '10000000-0000-4000-8000-000000000001', 'app/organization', 'dddddddd-0000-4000-8000-000000000001', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-000000000008', '40000000-0000-4000-8000-000000000002', 'app/project', '20000000-0000-4000-8000-000000000002', 'app/user', 'granted'),
  ('60000000-0000-4000-8000-000000000008', '10000000-0000-4000-8000-000000000001', 'app/organization', 'eeeeeeee-0000-4000-8000-000000000001', 'app/pat', 'pat_granted');

INSERT INTO relations (subject_namespace_name, subject_id, subject_subrelation_name, object_namespace_name, object_id, relation_name) VALUES
  ('app/user', '20000000-0000-4000-8000-000000000001', '', 'app/platform', 'platform', 'admin'),
  ('app/user', '20000000-0000-4000-8000-000000000002', '', 'app/platform', 'platform', 'member'),
  ('app/user', '20000000-0000-4000-8000-000000000002', '', 'app/group', '50000000-0000-4000-8000-000000000001', 'member'),
  ('app/user', '20000000-0000-4000-8000-000000000003', '', 'app/group', '50000000-0000-4000-8000-000000000001', 'member'),
  ('app/user', '20000000-0000-4000-8000-000000000003', '', 'app/organization', '10000000-0000-4000-8000-000000000001', 'owner'),
  ('app/organization', '10000000-0000-4000-8000-000000000001', '', 'app/project', '40000000-0000-4000-8000-000000000001', 'org'),
  ('app/project', '40000000-0000-4000-8000-000000000001', '', 'compute/order', '70000000-0000-4000-8000-000000000001', 'project'),
  ('app/user', '*', '', 'app/role', '60000000-0000-4000-8000-000000000011', 'compute_order_get'),
  ('app/user', '20000000-0000-4000-8000-000000000003', '', 'compute/order', '70000000-0000-4000-8000-000000000001', 'friend');

INSERT INTO metaschema (name, schema) VALUES ('user', '{"type": "object"}'), ('invoice', '{"type": "object"}'), ('bad', 'not json');
INSERT INTO domains (name, org_id, token) VALUES ('acme.org', '10000000-0000-4000-8000-000000000001', '_frontier-domain-verification=x');
