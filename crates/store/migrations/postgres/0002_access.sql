-- The access graph (spec v1beta1 part 3 and 5; engine.md 6 to 9).
CREATE TABLE organizations (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  id         uuid NOT NULL,
  name       text COLLATE "C" NOT NULL,
  title      text COLLATE "C" NOT NULL,
  avatar     text COLLATE "C",
  state      text COLLATE "C" NOT NULL,
  metadata   text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  revision   bigint NOT NULL
);
CREATE UNIQUE INDEX organizations_id ON organizations (tenant, id);
CREATE UNIQUE INDEX organizations_name ON organizations (tenant, name);

CREATE TABLE projects (
  tenant          bigint NOT NULL REFERENCES tenants (tenant),
  id              uuid NOT NULL,
  organization_id uuid NOT NULL,
  name            text COLLATE "C" NOT NULL,
  title           text COLLATE "C" NOT NULL,
  state           text COLLATE "C" NOT NULL,
  metadata        text COLLATE "C" NOT NULL,
  created_at      bigint NOT NULL,
  updated_at      bigint NOT NULL,
  revision        bigint NOT NULL
);
CREATE UNIQUE INDEX projects_id ON projects (tenant, id);
CREATE UNIQUE INDEX projects_name ON projects (tenant, name);
CREATE INDEX projects_organization ON projects (tenant, organization_id, id);

-- A group without an organization is the tenant's (decision 16); `scope_id` is the organization's id, or the nil UUID.
CREATE TABLE groups (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  id         uuid NOT NULL,
  scope_id   uuid NOT NULL,
  name       text COLLATE "C" NOT NULL,
  title      text COLLATE "C" NOT NULL,
  state      text COLLATE "C" NOT NULL,
  source     text COLLATE "C" NOT NULL,
  metadata   text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  revision   bigint NOT NULL
);
CREATE UNIQUE INDEX groups_id ON groups (tenant, id);
CREATE UNIQUE INDEX groups_name ON groups (tenant, scope_id, name);

-- The tenant's own permissions; the built-in ones are the program's.
CREATE TABLE permissions (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  id         uuid NOT NULL,
  namespace  text COLLATE "C" NOT NULL,
  verb       text COLLATE "C" NOT NULL,
  slug       text COLLATE "C" NOT NULL,
  title      text COLLATE "C" NOT NULL,
  metadata   text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX permissions_id ON permissions (tenant, id);
CREATE UNIQUE INDEX permissions_slug ON permissions (tenant, slug);
CREATE INDEX permissions_namespace ON permissions (tenant, namespace, verb);

CREATE TABLE namespaces (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  id         uuid NOT NULL,
  name       text COLLATE "C" NOT NULL,
  metadata   text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX namespaces_id ON namespaces (tenant, id);
CREATE UNIQUE INDEX namespaces_name ON namespaces (tenant, name);

-- Named sets of permissions. `scope_id` is the organization that a role belongs to, or the nil UUID: of all.
CREATE TABLE access_roles (
  tenant      bigint NOT NULL REFERENCES tenants (tenant),
  id          uuid NOT NULL,
  scope_id    uuid NOT NULL,
  name        text COLLATE "C" NOT NULL,
  title       text COLLATE "C" NOT NULL,
  permissions text COLLATE "C" NOT NULL,
  scopes      text COLLATE "C" NOT NULL,
  state       text COLLATE "C" NOT NULL,
  metadata    text COLLATE "C" NOT NULL,
  created_at  bigint NOT NULL,
  updated_at  bigint NOT NULL
);
CREATE UNIQUE INDEX access_roles_id ON access_roles (tenant, id);
CREATE UNIQUE INDEX access_roles_name ON access_roles (tenant, scope_id, name);

CREATE TABLE role_bindings (
  tenant      bigint NOT NULL REFERENCES tenants (tenant),
  id          uuid NOT NULL,
  role_id     uuid NOT NULL,
  namespace   text COLLATE "C" NOT NULL,
  object_id   uuid NOT NULL,
  bearer_type text COLLATE "C" NOT NULL,
  bearer_id   uuid NOT NULL,
  relation    text COLLATE "C" NOT NULL,
  title       text COLLATE "C" NOT NULL,
  metadata    text COLLATE "C" NOT NULL,
  created_at  bigint NOT NULL,
  updated_at  bigint NOT NULL
);
CREATE UNIQUE INDEX role_bindings_id ON role_bindings (tenant, id);
CREATE UNIQUE INDEX role_bindings_bearer ON role_bindings (tenant, bearer_id, object_id, role_id, relation);
CREATE INDEX role_bindings_object ON role_bindings (tenant, object_id, bearer_id, id);
CREATE INDEX role_bindings_role ON role_bindings (tenant, role_id, id);

CREATE TABLE resources (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  id         uuid NOT NULL,
  project_id uuid NOT NULL,
  namespace  text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  title      text COLLATE "C" NOT NULL,
  owner_type text COLLATE "C" NOT NULL,
  owner_id   uuid NOT NULL,
  metadata   text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX resources_id ON resources (tenant, id);
CREATE UNIQUE INDEX resources_name ON resources (tenant, project_id, namespace, name);
CREATE INDEX resources_namespace ON resources (tenant, namespace, id);

-- Organizations that are gone while something of theirs is still to be removed.
CREATE TABLE organization_removals (
  tenant          bigint NOT NULL REFERENCES tenants (tenant),
  organization_id uuid NOT NULL
);
CREATE UNIQUE INDEX organization_removals_organization ON organization_removals (tenant, organization_id);

-- What changed in the graph at which revision: a node that is behind reads these rows and looks at the things anew.
CREATE TABLE access_changes (
  tenant   bigint NOT NULL,
  revision bigint NOT NULL,
  kind     text COLLATE "C" NOT NULL,
  id       uuid NOT NULL
);
CREATE INDEX access_changes_revision ON access_changes (tenant, revision);

-- The predefined roles of tenants that are there already (spec v1beta1 5.5).
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000001'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_organization_owner', 'Owner', '["app_organization_administer"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000002'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_organization_manager', 'Admin', '["app_organization_update","app_organization_get","app_organization_projectcreate","app_organization_projectlist","app_organization_groupcreate","app_organization_grouplist","app_organization_serviceusermanage","app_project_get","app_project_update"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000003'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_organization_accessmanager', 'Access Manager', '["app_organization_invitationcreate","app_organization_invitationlist","app_organization_rolemanage","app_organization_policymanage"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000004'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_organization_viewer', 'Member', '["app_organization_get"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000005'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_billing_manager', 'Billing Manager', '["app_organization_billingview","app_organization_billingmanage"]', '["app/organization"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000006'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_project_owner', 'Project Owner', '["app_project_administer"]', '["app/project"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000007'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_project_manager', 'Project Manager', '["app_project_update","app_project_get","app_project_resourcelist","app_organization_projectcreate","app_organization_projectlist","app_organization_grouplist"]', '["app/project"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000008'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_project_viewer', 'Project Viewer', '["app_project_get"]', '["app/project"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-000000000009'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_group_owner', 'Group Owner', '["app_group_administer"]', '["app/group"]', 'enabled', '{}', created_at, created_at FROM tenants;
INSERT INTO access_roles (tenant, id, scope_id, name, title, permissions, scopes, state, metadata, created_at, updated_at)
  SELECT tenant, '00000000-0000-7000-8000-00000000000a'::uuid, '00000000-0000-0000-0000-000000000000'::uuid, 'app_group_member', 'Group Member', '["app_group_get"]', '["app/group"]', 'enabled', '{}', created_at, created_at FROM tenants;
