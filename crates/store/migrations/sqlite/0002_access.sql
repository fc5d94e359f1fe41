-- The access graph (spec v1beta1 part 3 and 5; engine.md 6 to 9).
CREATE TABLE organizations (
  tenant     INTEGER NOT NULL REFERENCES tenants (tenant),
  id         BLOB NOT NULL,
  name       TEXT NOT NULL,
  title      TEXT NOT NULL,
  avatar     TEXT,
  state      TEXT NOT NULL,
  metadata   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX organizations_id ON organizations (tenant, id);
CREATE UNIQUE INDEX organizations_name ON organizations (tenant, name);

CREATE TABLE projects (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  id              BLOB NOT NULL,
  organization_id BLOB NOT NULL,
  name            TEXT NOT NULL,
  title           TEXT NOT NULL,
  state           TEXT NOT NULL,
  metadata        TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  revision        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX projects_id ON projects (tenant, id);
CREATE UNIQUE INDEX projects_name ON projects (tenant, name);
CREATE INDEX projects_organization ON projects (tenant, organization_id, id);

-- A group without an organization is the tenant's (decision 16); `scope_id` is the organization's id, or the nil UUID.
CREATE TABLE groups (
  tenant     INTEGER NOT NULL REFERENCES tenants (tenant),
  id         BLOB NOT NULL,
  scope_id   BLOB NOT NULL,
  name       TEXT NOT NULL,
  title      TEXT NOT NULL,
  state      TEXT NOT NULL,
  source     TEXT NOT NULL,
  metadata   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX groups_id ON groups (tenant, id);
CREATE UNIQUE INDEX groups_name ON groups (tenant, scope_id, name);

-- The tenant's own permissions; the built-in ones are the program's.
CREATE TABLE permissions (
  tenant     INTEGER NOT NULL REFERENCES tenants (tenant),
  id         BLOB NOT NULL,
  namespace  TEXT NOT NULL,
  verb       TEXT NOT NULL,
  slug       TEXT NOT NULL,
  title      TEXT NOT NULL,
  metadata   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX permissions_id ON permissions (tenant, id);
CREATE UNIQUE INDEX permissions_slug ON permissions (tenant, slug);
CREATE INDEX permissions_namespace ON permissions (tenant, namespace, verb);

CREATE TABLE namespaces (
  tenant     INTEGER NOT NULL REFERENCES tenants (tenant),
  id         BLOB NOT NULL,
  name       TEXT NOT NULL,
  metadata   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX namespaces_id ON namespaces (tenant, id);
CREATE UNIQUE INDEX namespaces_name ON namespaces (tenant, name);

-- Named sets of permissions. `scope_id` is the organization that a role belongs to, or the nil UUID: of all.
CREATE TABLE access_roles (
  tenant      INTEGER NOT NULL REFERENCES tenants (tenant),
  id          BLOB NOT NULL,
  scope_id    BLOB NOT NULL,
  name        TEXT NOT NULL,
  title       TEXT NOT NULL,
  permissions TEXT NOT NULL,
  scopes      TEXT NOT NULL,
  state       TEXT NOT NULL,
  metadata    TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX access_roles_id ON access_roles (tenant, id);
CREATE UNIQUE INDEX access_roles_name ON access_roles (tenant, scope_id, name);

CREATE TABLE role_bindings (
  tenant      INTEGER NOT NULL REFERENCES tenants (tenant),
  id          BLOB NOT NULL,
  role_id     BLOB NOT NULL,
  namespace   TEXT NOT NULL,
  object_id   BLOB NOT NULL,
  bearer_type TEXT NOT NULL,
  bearer_id   BLOB NOT NULL,
  relation    TEXT NOT NULL,
  title       TEXT NOT NULL,
  metadata    TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX role_bindings_id ON role_bindings (tenant, id);
CREATE UNIQUE INDEX role_bindings_bearer ON role_bindings (tenant, bearer_id, object_id, role_id, relation);
CREATE INDEX role_bindings_object ON role_bindings (tenant, object_id, bearer_id, id);
CREATE INDEX role_bindings_role ON role_bindings (tenant, role_id, id);

CREATE TABLE resources (
  tenant     INTEGER NOT NULL REFERENCES tenants (tenant),
  id         BLOB NOT NULL,
  project_id BLOB NOT NULL,
  namespace  TEXT NOT NULL,
  name       TEXT NOT NULL,
  title      TEXT NOT NULL,
  owner_type TEXT NOT NULL,
  owner_id   BLOB NOT NULL,
  metadata   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX resources_id ON resources (tenant, id);
CREATE UNIQUE INDEX resources_name ON resources (tenant, project_id, namespace, name);
CREATE INDEX resources_namespace ON resources (tenant, namespace, id);

-- Organizations that are gone while something of theirs is still to be removed.
CREATE TABLE organization_removals (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  organization_id BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX organization_removals_organization ON organization_removals (tenant, organization_id);

-- What changed in the graph at which revision: a node that is behind reads these rows and looks at the things anew.
CREATE TABLE access_changes (
  tenant   INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  id       BLOB NOT NULL
) STRICT;
CREATE INDEX access_changes_revision ON access_changes (tenant, revision);

-- The predefined roles of tenants that are there already (spec v1beta1 5.5).
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000001', X'00000000000000000000000000000000', 'app_organization_owner', 'Owner', '["app_organization_administer"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000002', X'00000000000000000000000000000000', 'app_organization_manager', 'Admin', '["app_organization_update","app_organization_get","app_organization_projectcreate","app_organization_projectlist","app_organization_groupcreate","app_organization_grouplist","app_organization_serviceusermanage","app_project_get","app_project_update"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000003', X'00000000000000000000000000000000', 'app_organization_accessmanager', 'Access Manager', '["app_organization_invitationcreate","app_organization_invitationlist","app_organization_rolemanage","app_organization_policymanage"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000004', X'00000000000000000000000000000000', 'app_organization_viewer', 'Member', '["app_organization_get"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000005', X'00000000000000000000000000000000', 'app_billing_manager', 'Billing Manager', '["app_organization_billingview","app_organization_billingmanage"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000006', X'00000000000000000000000000000000', 'app_project_owner', 'Project Owner', '["app_project_administer"]', '["app/project"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000007', X'00000000000000000000000000000000', 'app_project_manager', 'Project Manager', '["app_project_update","app_project_get","app_project_resourcelist","app_organization_projectcreate","app_organization_projectlist","app_organization_grouplist"]', '["app/project"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000008', X'00000000000000000000000000000000', 'app_project_viewer', 'Project Viewer', '["app_project_get"]', '["app/project"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'00000000000070008000000000000009', X'00000000000000000000000000000000', 'app_group_owner', 'Group Owner', '["app_group_administer"]', '["app/group"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, X'0000000000007000800000000000000a', X'00000000000000000000000000000000', 'app_group_member', 'Group Member', '["app_group_get"]', '["app/group"]', 'enabled', '{}', created_at, created_at FROM tenants;
