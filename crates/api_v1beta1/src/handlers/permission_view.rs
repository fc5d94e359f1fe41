//! Permissions and namespaces as this API shows them.
use portcullis_domain::permission::{Namespace, Permission};
use portcullis_wire_v1beta1::{Object, View};

use crate::call::Response;

/// One permission.
pub struct PermissionView<'a>(pub &'a Permission);
impl View for PermissionView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let p = self.0;
        object.id("id", p.id);
        object.text("name", &p.verb);
        object.text("title", &p.title);
        object.time("created_at", p.created_at);
        object.time("updated_at", p.updated_at);
        object.text("namespace", &p.namespace);
        object.structure("metadata", &p.metadata);
        object.text("key", &p.key());
    }
}
/// One namespace.
pub struct NamespaceView<'a>(pub &'a Namespace);
impl View for NamespaceView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let n = self.0;
        object.id("id", n.id);
        object.text("name", &n.name);
        object.structure("metadata", &n.metadata);
        object.time("created_at", n.created_at);
        object.time("updated_at", n.updated_at);
    }
}

macro_rules! answer {
    ($(#[$doc:meta])* $name:ident, $of:ty, |$value:ident, $object:ident| $write:expr) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = $of;
            const MESSAGE: &'static str = stringify!($name);
            fn write($value: &$of, $object: &mut Object<'_>) {
                $write;
            }
        }
    };
}
answer!(/** The permission. */ GetPermissionResponse, Permission, |p, o| o.message("permission", &PermissionView(p)));
answer!(/** The permission as it is now. */ UpdatePermissionResponse, Permission, |p, o| o.message("permission", &PermissionView(p)));
answer!(/** All permissions. */ ListPermissionsResponse, [Permission], |all, o| o.list("permissions", all.iter().map(PermissionView)));
answer!(/** The permissions that were asked for, made or there already. */ CreatePermissionResponse, Vec<Permission>,
    |all, o| o.list("permissions", all.iter().map(PermissionView)));
answer!(/** The namespace. */ GetNamespaceResponse, Namespace, |n, o| o.message("namespace", &NamespaceView(n)));
answer!(/** All namespaces. */ ListNamespacesResponse, [Namespace], |all, o| o.list("namespaces", all.iter().map(NamespaceView)));

#[cfg(test)]
mod tests {
    use portcullis_domain::{Id, Timestamp};
    use serde_json::Map;
    use uuid::Uuid;

    use super::super::responses::tests::proves;
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        let (id, at) = (Uuid::nil(), Timestamp::from_micros(1));
        let permission = Permission {
            id: Id::from_uuid(id),
            namespace: "compute/order".into(),
            verb: "get".into(),
            slug: "compute_order_get".into(),
            title: String::new(),
            metadata: Map::new(),
            created_at: at,
            updated_at: at,
        };
        proves::<GetPermissionResponse>(&permission);
        proves::<UpdatePermissionResponse>(&permission);
        proves::<ListPermissionsResponse>(std::slice::from_ref(&permission));
        proves::<CreatePermissionResponse>(&vec![permission]);
        let namespace = Namespace {
            id: Id::from_uuid(id),
            name: "compute/order".into(),
            metadata: Map::new(),
            created_at: at,
            updated_at: at,
        };
        proves::<GetNamespaceResponse>(&namespace);
        proves::<ListNamespacesResponse>(&[namespace]);
    }
}
