//! Resources as this API shows them.
use portcullis_service::resource::Placed;
use portcullis_wire_v1beta1::{Object, View};

use crate::call::Response;

struct ResourceView<'a>(&'a Placed);
impl View for ResourceView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let r = &self.0.resource;
        object.id("id", r.id);
        object.text("name", &r.name);
        object.time("created_at", r.created_at);
        object.time("updated_at", r.updated_at);
        object.text("urn", &self.0.urn.to_string());
        object.id("project_id", r.project_id);
        object.text("namespace", &r.namespace);
        object.text("principal", &format!("{}:{}", r.owner.namespace(), r.owner.id()));
        object.structure("metadata", &r.metadata);
        object.text("title", &r.title);
    }
}

macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = Placed;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &Placed, object: &mut Object<'_>) {
                object.message("resource", &ResourceView(of));
            }
        }
    };
}
macro_rules! many {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = [Placed];
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &[Placed], object: &mut Object<'_>) {
                object.list("resources", of.iter().map(ResourceView));
            }
        }
    };
}
one!(/** The registered resource. */ CreateProjectResourceResponse);
one!(/** The resource. */ GetProjectResourceResponse);
one!(/** The resource as it is now. */ UpdateProjectResourceResponse);
many!(/** Those of a project. */ ListProjectResourcesResponse);
many!(/** Those that were asked for. */ ListResourcesResponse);

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;
    use portcullis_domain::resource::{Resource, Urn};
    use portcullis_domain::role_binding::Bearer;
    use portcullis_domain::{Id, Timestamp};
    use uuid::Uuid;

    #[test]
    fn every_answer_is_its_message() {
        for title in ["", "First"] {
            let resource = Resource {
                id: Id::from_uuid(Uuid::nil()),
                project_id: Id::from_uuid(Uuid::nil()),
                namespace: "compute/order".into(),
                name: "first".into(),
                title: title.into(),
                owner: Bearer::User(Uuid::nil()),
                metadata: serde_json::Map::new(),
                created_at: Timestamp::from_micros(1),
                updated_at: Timestamp::from_micros(0),
            };
            let urn = Urn { project: "web".into(), namespace: "compute/order".into(), name: "first".into() };
            let placed = Placed { resource, urn };
            proves::<CreateProjectResourceResponse>(&placed);
            proves::<GetProjectResourceResponse>(&placed);
            proves::<UpdateProjectResourceResponse>(&placed);
            proves::<ListProjectResourcesResponse>(std::slice::from_ref(&placed));
            proves::<ListResourcesResponse>(&[placed]);
        }
        proves::<ListResourcesResponse>(&[]);
    }
}
