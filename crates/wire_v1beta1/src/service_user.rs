//! `ServiceUser`: a machine as this API shows it.
use portcullis_domain::service_user::ServiceUser;

use crate::object::{Object, View};

/// The id of the platform organization.
const PLATFORM: &str = "00000000-0000-0000-0000-000000000000";

/// A service user; one that a key of `/v1` made lies in the platform organization, the nil UUID (decision 13).
#[derive(Clone, Copy, Debug)]
pub struct ServiceUserView<'a>(pub &'a ServiceUser);
impl View for ServiceUserView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let s = self.0;
        object.id("id", s.id);
        object.text("title", &s.title);
        object.structure("metadata", &s.metadata);
        object.time("created_at", s.created_at);
        object.time("updated_at", s.updated_at);
        object.text("state", s.state.as_str());
        match s.organization_id {
            Some(id) => object.id("org_id", id),
            None => object.id("org_id", PLATFORM),
        }
    }
}
