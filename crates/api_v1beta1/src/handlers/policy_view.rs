//! Role bindings as this API shows them: as policies.
use portcullis_domain::role_binding::RoleBinding;
use portcullis_wire_v1beta1::{Object, View};

use crate::call::Response;

struct PolicyView<'a>(&'a RoleBinding);
impl View for PolicyView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let b = self.0;
        object.id("id", b.id);
        object.text("title", &b.title);
        object.time("created_at", b.created_at);
        object.time("updated_at", b.updated_at);
        object.id("role_id", b.role_id);
        object.text("resource", &format!("{}:{}", b.namespace, b.object_id));
        object.text("principal", &format!("{}:{}", b.bearer.namespace(), b.bearer.id()));
        object.structure("metadata", &b.metadata);
    }
}

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = RoleBinding;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &RoleBinding, object: &mut Object<'_>) {
                object.message("policy", &PolicyView(of));
            }
        }
    };
}
one!(/** The binding that was made, or was there already. */ CreatePolicyResponse);
one!(/** The binding. */ GetPolicyResponse);

/// Nothing.
pub struct CreatePolicyForProjectResponse;
impl Response for CreatePolicyForProjectResponse {
    type Of = RoleBinding;
    const MESSAGE: &'static str = "CreatePolicyForProjectResponse";
    fn write(_: &RoleBinding, _: &mut Object<'_>) {}
}
/// Bindings.
pub struct ListPoliciesResponse;
impl Response for ListPoliciesResponse {
    type Of = [RoleBinding];
    const MESSAGE: &'static str = "ListPoliciesResponse";
    fn write(bindings: &[RoleBinding], object: &mut Object<'_>) {
        object.list("policies", bindings.iter().map(PolicyView));
    }
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;
    use portcullis_domain::role_binding::{Bearer, Relation};
    use portcullis_domain::{Id, Timestamp};
    use uuid::Uuid;

    #[test]
    fn every_answer_is_its_message() {
        for title in ["", "Guest"] {
            let binding = RoleBinding {
                id: Id::from_uuid(Uuid::nil()),
                role_id: Id::from_uuid(Uuid::nil()),
                namespace: "app/project".into(),
                object_id: Uuid::nil(),
                bearer: Bearer::Group(Uuid::nil()),
                relation: Relation::Granted,
                title: title.into(),
                metadata: serde_json::Map::new(),
                created_at: Timestamp::from_micros(1),
                updated_at: Timestamp::from_micros(0),
            };
            proves::<CreatePolicyResponse>(&binding);
            proves::<GetPolicyResponse>(&binding);
            proves::<CreatePolicyForProjectResponse>(&binding);
            proves::<ListPoliciesResponse>(&[binding]);
        }
        proves::<ListPoliciesResponse>(&[]);
    }
}
